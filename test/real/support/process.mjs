// Child processes of the tests: started, waited for by a line they print, stopped by their own handle.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A test file that ends early (a failed assertion in its set-up, a timeout) may leave no server behind. */
const running = new Set()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts a program and resolves when a line of its output matches `ready`.
 * @param {string} command
 * @param {string[]} args
 * @param {{ready: RegExp, timeoutMs?: number, env?: Record<string, string>, cwd?: string}} options
 */
export async function startProcess(command, args, { ready, timeoutMs = 30_000, env = {}, cwd }) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env }, cwd })
  running.add(child)
  const lines = []
  const exited = new Promise((resolve) =>
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal })
    }),
  )
  const match = await new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${command} ${args.join(' ')}: ${why}\n${lines.join('\n')}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`not ready after ${timeoutMs} ms`)
    }, timeoutMs)
    const onLine = (line) => {
      lines.push(line)
      const found = ready.exec(line)
      if (found === null) return
      clearTimeout(timer)
      resolve(found)
    }
    createInterface({ input: child.stdout }).on('line', onLine)
    createInterface({ input: child.stderr }).on('line', onLine)
    child.once('error', (error) => {
      clearTimeout(timer)
      fail(error.message)
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      fail(`ended with ${signal ?? code} before it was ready`)
    })
  })
  return {
    pid: child.pid,
    match,
    /** Everything printed so far, both streams, by line. */
    lines,
    exited,
    /** @returns {Promise<{code: number | null, signal: string | null}>} */
    async stop(signal = 'SIGTERM', graceMs = 10_000) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      const result = await exited
      clearTimeout(timer)
      return result
    },
  }
}

/**
 * Runs a program to its end.
 * @returns {Promise<{code: number | null, stdout: string, stderr: string}>}
 */
export async function runProcess(command, args, { timeoutMs = 60_000, env = {}, cwd, input } = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env }, cwd })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  child.stdin.on('error', (error) => {
    stderr += `stdin: ${error.message}\n`
  })
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  return { code, stdout, stderr }
}
