import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import type { Io } from './io.js'

/** From package.json, which stands two folders above this file in the source and in the build. */
export function oplensVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const parsed: unknown = JSON.parse(text)
  const version = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined
  return String(version)
}

export const versionLine = (): string =>
  `oplens ${oplensVersion()} (Node ${process.versions.node}, ${process.platform} ${process.arch})`

export function versionCommand(io: Io): Command {
  return new Command('version')
    .description('print the version of oplens and of the Node that runs it')
    .action(() => io.out(versionLine()))
}
