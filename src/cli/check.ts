import { Command } from 'commander'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import { ConfigError, type ConfigProblem } from '../core/errors.js'
import { configParts } from './config-parts.js'
import { countProblems, EXIT_OK, EXIT_USAGE, problemLine } from './exit.js'
import type { Io } from './io.js'

const HELP = `
Prints the config with every default filled in to stdout; problems and warnings go to stderr, each as
  file:line:column: path: what is wrong (what to write instead)

Examples:
  $ oplens check oplens.yaml
  $ oplens check --json oplens.yaml | jq '.problems'

Nothing is started and no host is contacted. Exit codes: 0 the config can run, 2 it can not.`

export function checkCommand(io: Io, finish: (code: number) => void) {
  return new Command('check')
    .description('check a config file and print it filled in')
    .argument('<file>', 'the config file')
    .option('--json', 'one JSON object on stdout: ok, problems, warnings, config')
    .addHelpText('after', HELP)
    .action((file: string, options: { readonly json?: boolean }) => finish(check(file, options.json ?? false, io)))
}

interface Result {
  readonly problems: readonly ConfigProblem[]
  readonly warnings: readonly ConfigProblem[]
  /** undefined when there are problems. */
  readonly loaded?: LoadedConfig
}

function check(file: string, isJson: boolean, io: Io): number {
  const { problems, warnings, loaded } = examine(file, io)
  const isOk = problems.length === 0
  if (isJson) io.out(JSON.stringify({ ok: isOk, problems, warnings, config: loaded?.filled ?? null }))
  else {
    for (const problem of problems) io.err(problemLine(problem))
    for (const warning of warnings) io.err(`warning: ${problemLine(warning)}`)
    if (!isOk) io.err(countProblems(problems.length))
    if (loaded !== undefined) io.out(loaded.filledIn().trimEnd())
  }
  return isOk ? EXIT_OK : EXIT_USAGE
}

function examine(file: string, io: Io): Result {
  try {
    const loaded = loadConfig({ kind: 'file', path: file }, configParts, io.environment)
    return { problems: [], warnings: loaded.warnings, loaded }
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems, warnings: [] }
    throw error
  }
}
