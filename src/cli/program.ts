import { Command, CommanderError } from 'commander'
import type { CreateApplication } from './application.js'
import { checkCommand } from './check.js'
import { demoCommand } from './demo.js'
import { EXIT_OK, EXIT_USAGE, explain } from './exit.js'
import type { Io } from './io.js'
import { runCommand } from './run.js'
import { versionCommand, versionLine } from './version.js'

const HELP = `
Examples:
  $ oplens demo                                    see it work, nothing else needed
  $ oplens run --to mongodb://127.0.0.1:27017/     put it in front of a database
  $ oplens check oplens.yaml                       what would this config do?

"oplens COMMAND --help" explains each. Exit codes: 0 ok, 1 failure, 2 bad usage or config.`

/** Runs one command line (without node and script). Resolves with the exit code once everything it started has ended; never rejects. */
export async function runCli(
  argv: readonly string[],
  io: Io,
  createApplication: () => Promise<CreateApplication>,
): Promise<number> {
  let exitCode = EXIT_OK
  const finish = (code: number) => {
    exitCode = code
  }
  const program = new Command('oplens')
    .description(
      'A proxy that sees every database operation: latency, errors and documents per collection and command.',
    )
    .version(versionLine(), '-V, --version')
    .addHelpText('after', HELP)
    .addCommand(runCommand(io, createApplication, finish))
    .addCommand(demoCommand(io, createApplication, finish))
    .addCommand(checkCommand(io, finish))
    .addCommand(versionCommand(io))
  for (const command of [program, ...program.commands]) tame(command, io)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    // Help and version that were asked for are no mistakes; help because nothing was asked for is one.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
    const { text, exitCode: code } = explain(error)
    io.err(text)
    return code
  }
}

/** The parser throws in place of ending the process, and writes through `io`. */
function tame(command: Command, io: Io): void {
  command
    .exitOverride()
    .showHelpAfterError(`(${command.name() === 'oplens' ? 'oplens' : `oplens ${command.name()}`} --help has examples)`)
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
    })
}
