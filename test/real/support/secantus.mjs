// SecantusDB, the real server of tier 2: a replica-set primary in a process of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { MongoClient } from 'mongodb'
import { startProcess } from './process.mjs'
import { ROOT, tool } from './tools.mjs'

/**
 * @param {{port?: number, storagePath?: string, auth?: boolean, tls?: {certFile: string, keyFile: string}}} [options]
 *   `storagePath` is kept when given (a restart), otherwise made and removed.
 */
export async function startSecantus({ port = 0, storagePath, auth = false, tls } = {}) {
  const python = tool('python')
  if (python.missing !== '') throw new Error(python.missing)
  const folder = storagePath ?? mkdtempSync(join(tmpdir(), 'oplens-secantus-'))
  const args = ['--host', '127.0.0.1', '--port', String(port), '--storage-path', folder, '--enable-test-commands']
  args.push('--noop-heartbeat-seconds', '0', '--cache-size', '64M')
  if (auth) args.push('--auth')
  if (tls !== undefined) args.push('--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile)
  const child = await startProcess(join(dirname(python.path), 'secantusd-py'), args, {
    ready: /listening on ([\d.]+):(\d+)/,
  })
  return {
    host: '127.0.0.1',
    port: Number(child.match[2]),
    pid: child.pid,
    lines: child.lines,
    exited: child.exited,
    /** SIGKILL unless the data must survive: its graceful stop takes two seconds. */
    async stop(signal = 'SIGKILL') {
      const result = await child.stop(signal)
      if (storagePath === undefined) rmSync(folder, { recursive: true, force: true })
      return result
    },
  }
}

/**
 * A set of one, named `secantus`, whose member calls itself `name` (`host:port`) and says so in every hello.
 * @param {{name: string, tls?: {certFile: string, keyFile: string}}} options
 */
export async function startNamedSecantus({ name, tls }) {
  const python = tool('python')
  if (python.missing !== '') throw new Error(python.missing)
  const folder = mkdtempSync(join(tmpdir(), 'oplens-secantus-'))
  const files = tls === undefined ? [] : [tls.certFile, tls.keyFile]
  const child = await startProcess(python.path, [`${ROOT}test/real/servers/named_set.py`, name, folder, ...files], {
    ready: /listening on ([\d.]+):(\d+)/,
  })
  return {
    port: Number(child.match[2]),
    async stop() {
      await child.stop('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The throw-away account of the SCRAM tests and captures. */
export const ACCOUNT = { user: 'throwaway-user', password: 'throwaway-password' }

/** A server that demands SCRAM-SHA-256 from `ACCOUNT`. Accounts are made while it still runs without `--auth`. */
export async function startSecantusWithAuth(options = {}) {
  const storagePath = mkdtempSync(join(tmpdir(), 'oplens-secantus-'))
  const open = await startSecantus({ storagePath })
  const client = new MongoClient(`mongodb://${open.host}:${open.port}/?directConnection=true`)
  await client.db('admin').command({ createUser: ACCOUNT.user, pwd: ACCOUNT.password, roles: ['root'] })
  await client.close()
  await open.stop('SIGTERM')
  const server = await startSecantus({ ...options, storagePath, auth: true })
  return {
    ...server,
    async stop(signal) {
      const result = await server.stop(signal)
      rmSync(storagePath, { recursive: true, force: true })
      return result
    },
  }
}
