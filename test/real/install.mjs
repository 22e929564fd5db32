// Installs what tier 2 needs into .cache/real/ and writes down where it is, or why it is missing. Outside it only the package clients' own caches change.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { runProcess } from './support/process.mjs'
import { CACHE, MANIFEST, ROOT } from './support/tools.mjs'

const NODE_VERSION = '24.21.0'
const NO_NPM_NOISE = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error']

/** Each returns the path of what it installed, or throws with the reason. */
const installers = {
  python,
  pymongo3,
  botocore,
  moto,
  indexwright,
  go,
  goDynamodb,
  java,
  node24,
  prometheus,
  promtool,
  wrk,
  chromium,
}

/** @returns {Promise<Record<string, {path: string, missing: string}>>} */
export async function installTools() {
  mkdirSync(CACHE, { recursive: true })
  const found = Object.fromEntries(
    await Promise.all(
      Object.entries(installers).map(async ([name, install]) => {
        try {
          return [name, { path: await install(), missing: '' }]
        } catch (error) {
          return [name, { path: '', missing: `${name}: ${error.message}` }]
        }
      }),
    ),
  )
  writeFileSync(MANIFEST, `${JSON.stringify(found, undefined, 2)}\n`)
  return found
}

/** Runs a program to its end; a download that failed is tried again. */
async function must(command, args, { attempts = 1, ...options } = {}) {
  for (let attempt = 1; ; attempt++) {
    const { code, stdout, stderr } = await runProcess(command, args, { timeoutMs: 240_000, ...options })
    if (code === 0) return stdout
    if (attempt >= attempts) {
      throw new Error(
        `${command} ${args[0]} … ended with ${code}: ${(stderr || stdout).trim().split('\n').slice(-3).join(' | ')}`,
      )
    }
    await sleep(2_000 * attempt)
  }
}

/** Installs again only when what is wanted changed since `folder` was made. */
async function once(folder, want, install) {
  const stamp = `${folder}/.installed`
  const key = createHash('sha256').update(want).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return
  rmSync(folder, { recursive: true, force: true })
  await install()
  writeFileSync(stamp, key)
}

function python() {
  return virtualEnvironment('venv', 'requirements.txt')
}

function pymongo3() {
  return virtualEnvironment('venv-pymongo3', 'requirements-pymongo3.txt')
}

function botocore() {
  return virtualEnvironment('venv-botocore', 'requirements-botocore.txt')
}

/** boto3 and, as the server, moto. */
function moto() {
  return virtualEnvironment('venv-moto', 'requirements-moto.txt')
}

function indexwright() {
  return virtualEnvironment('venv-indexwright', 'requirements-indexwright.txt')
}

async function virtualEnvironment(name, requirementsName) {
  const requirements = `${ROOT}test/real/${requirementsName}`
  const folder = `${CACHE}${name}`
  await once(folder, readFileSync(requirements, 'utf8'), async () => {
    await must('python3', ['-m', 'venv', folder])
    const quiet = ['--quiet', '--disable-pip-version-check', '--retries', '5']
    await must(`${folder}/bin/python`, ['-m', 'pip', 'install', ...quiet, '-r', requirements], { attempts: 3 })
  })
  return `${folder}/bin/python`
}

function go() {
  return goProgram('workload-go', '.')
}

function goDynamodb() {
  return goProgram('workload-go-dynamodb', './dynamodb')
}

async function goProgram(name, source) {
  const program = existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : 'go'
  const target = `${CACHE}${name}`
  await must(program, ['build', '-o', target, source], { cwd: `${ROOT}test/real/go`, attempts: 3 })
  return target
}

/** @returns the class path of the Java driver's workload and of the legacy server */
async function java() {
  const source = `${ROOT}test/real/java/`
  const folder = `${CACHE}java`
  const pom = `${source}pom.xml`
  await once(folder, readFileSync(pom, 'utf8'), async () => {
    await must('mvn', ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}/lib`], {
      attempts: 3,
    })
  })
  const programs = ['Workload', 'LegacyServer'].map((name) => `${source}${name}.java`)
  await must('javac', [
    '-Xlint:all,-processing',
    '-Werror',
    '-d',
    `${folder}/classes`,
    '-cp',
    `${folder}/lib/*`,
    ...programs,
  ])
  await must('java', ['-version'])
  return `${folder}/classes:${folder}/lib/*`
}

async function node24() {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new Error(`no package for ${process.platform}-${process.arch}`)
  }
  const name = `node-linux-${process.arch}`
  const folder = `${CACHE}node24`
  await once(folder, `${name}@${NODE_VERSION}`, async () => {
    mkdirSync(folder, { recursive: true })
    await must('npm', ['install', '--prefix', folder, ...NO_NPM_NOISE, `${name}@${NODE_VERSION}`], { attempts: 3 })
  })
  return `${folder}/node_modules/${name}/bin/node`
}

let prometheusFolder
/** Both programs come in one package: unpacked once, not by two at a time. */
function prometheusPackage() {
  prometheusFolder ??= unpacked('prometheus', ['prometheus'])
  return prometheusFolder
}

async function prometheus() {
  return `${await prometheusPackage()}/usr/bin/prometheus`
}

async function promtool() {
  return `${await prometheusPackage()}/usr/bin/promtool`
}

/** With the library that it wants, and a script that leads it there. */
async function wrk() {
  const folder = await unpacked('wrk', ['wrk', 'libluajit-5.1-2'])
  const libraries = await must('sh', ['-c', 'dirname usr/lib/*/libluajit-5.1.so.2'], { cwd: folder })
  const script = `${folder}/wrk`
  const env = `LD_LIBRARY_PATH='${folder}/${libraries.trim()}'`
  writeFileSync(script, `#!/bin/sh\n${env} exec '${folder}/usr/bin/wrk' "$@"\n`, { mode: 0o755 })
  // Without anything to do it tells its usage, and ends with 1.
  const { stdout, stderr } = await runProcess(script, ['--version'])
  if (!`${stdout}${stderr}`.includes('wrk')) throw new Error(`it does not run: ${stderr.trim()}`)
  return script
}

/** The machine's own when it has one; else Debian's, unpacked with those of its libraries that are not there, and a font. */
async function chromium() {
  const own = '/usr/bin/chromium'
  if (existsSync(own)) return own
  const simulate = () => must('apt-get', ['-s', 'install', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'])
  let plan = ''
  try {
    plan = await simulate()
  } catch (error) {
    if (process.getuid?.() !== 0) throw error
    await must('apt-get', ['update', '-q'], { attempts: 3 })
    plan = await simulate()
  }
  const wanted = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name)
  if (!wanted.includes('chromium')) throw new Error('apt-get would not install it')
  const folder = await unpacked('chromium', wanted)
  const libraries = (await must('sh', ['-c', 'dirname usr/lib/*/libopenh264.so.*'], { cwd: folder })).split('\n')[0]
  const script = `${folder}/run-chromium`
  // Fonts and their settings: the machine's own, or those that came along.
  const fonts = existsSync('/etc/fonts/fonts.conf') ? '' : `FONTCONFIG_SYSROOT='${folder}' `
  const env = `${fonts}LD_LIBRARY_PATH='${folder}/${libraries}:${folder}/${libraries}/pulseaudio'`
  writeFileSync(script, `#!/bin/sh\n${env} exec '${folder}/usr/lib/chromium/chromium' "$@"\n`, { mode: 0o755 })
  await must(script, ['--version'])
  return script
}

/** Debian's packages, unpacked and not installed: no root needed, no daemon started. @returns the folder */
async function unpacked(name, packages) {
  const folder = `${CACHE}${name}`
  await once(folder, `debian, whole: ${packages.join(' ')}`, async () => {
    mkdirSync(folder, { recursive: true })
    const download = () => must('apt-get', ['download', ...packages], { cwd: folder, attempts: 2 })
    try {
      await download()
    } catch (error) {
      if (process.getuid?.() !== 0) throw error
      await must('apt-get', ['update', '-q'], { attempts: 3 })
      await download()
    }
    const unpack = 'for package in *.deb; do dpkg-deb -x "$package" .; done; rm -f *.deb'
    await must('sh', ['-c', unpack], { cwd: folder })
  })
  return folder
}
