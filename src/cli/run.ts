import { Command, Option } from 'commander'
import { DEFAULT_LISTEN, fromUri } from '../config/from-uri.js'
import { loadConfig } from '../config/load.js'
import { formatAddress } from '../core/upstream.js'
import type { CreateApplication } from './application.js'
import { configParts } from './config-parts.js'
import { usageError } from './exit.js'
import type { Io } from './io.js'
import { createLog, LOG_FORMATS, LOG_LEVELS, type LogSettings } from './logging.js'
import { type Loaded, serveUntilStopped, startApplication, whereToLook } from './serve.js'
import { oplensVersion } from './version.js'

interface RunOptions {
  readonly to?: string
  readonly config?: string
  readonly listen?: string
  readonly admin?: string
  readonly advertise?: string
  readonly logLevel: LogSettings['level']
  readonly logFormat: LogSettings['format']
}

const HELP = `
Examples:
  $ oplens run --to mongodb://127.0.0.1:27017/
      clients connect to 127.0.0.1:27018, the live page is http://127.0.0.1:9901/

  $ oplens run --to 'mongodb://app@db.internal:27017/shop?tls=true&tlsCAFile=ca.pem' --listen 0.0.0.0:27018
      TLS to the database; clients of other machines reach the proxy

  $ oplens run --to 'mongodb://a:27017,b:27017,c:27017/?replicaSet=rs0'
      a replica set: one port for each member from 27019 on; drivers keep their elections and secondary reads

  $ oplens run --to dynamodb://dynamodb.eu-central-1.amazonaws.com
      DynamoDB in AWS: requests are signed again with the credentials that AWS SDKs find on this machine

  $ oplens run --to dynamodb://127.0.0.1:8000
      DynamoDB Local, or any server that speaks it; applications get AWS_ENDPOINT_URL=http://127.0.0.1:8001

  $ oplens run --to https://api.internal
      HTTP and JSON services: clients call http://127.0.0.1:8081

  $ oplens run --to tcp://10.0.0.5:5432 --listen 127.0.0.1:5432
      any TCP protocol: connections and bytes, no operations

  $ oplens run -c oplens.yaml
      everything else: see docs/configuration.md, and try it with "oplens check oplens.yaml"

The URI for applications goes to stdout, logs go to stderr. SIGTERM and SIGINT drain: operations in flight may end.
Exit codes: 0 stopped cleanly, 1 failed to start or connections were cut, 2 bad usage or config (nothing was started).`

export function runCommand(
  io: Io,
  createApplication: () => Promise<CreateApplication>,
  finish: (code: number) => void,
) {
  return new Command('run')
    .description('start the proxy')
    .addOption(
      new Option(
        '--to <uri>',
        'the database: mongodb://HOST:PORT/, mongodb+srv://HOST.NAME/, dynamodb://HOST, http://HOST, https://HOST or tcp://HOST:PORT',
      ).conflicts('config'),
    )
    .addOption(new Option('-c, --config <file>', 'a config file in place of --to, --listen and --admin'))
    .addOption(
      new Option(
        '--listen <address>',
        `where clients connect (default: ${DEFAULT_LISTEN.mongodb}; ${DEFAULT_LISTEN.dynamodb} for DynamoDB, ${DEFAULT_LISTEN.http} for HTTP)`,
      ).conflicts('config'),
    )
    .addOption(
      new Option('--advertise <host>', 'what clients call this machine, when they are on others').conflicts('config'),
    )
    .addOption(new Option('--admin <address>', 'live page and /metrics (default: 127.0.0.1:9901)').conflicts('config'))
    .addOption(new Option('--log-level <level>', 'least level that is logged').choices(LOG_LEVELS).default('info'))
    .addOption(new Option('--log-format <format>', 'one event per line, as').choices(LOG_FORMATS).default('json'))
    .addHelpText('after', HELP)
    .action(async (options: RunOptions) => finish(await run(options, io, createApplication)))
}

async function run(options: RunOptions, io: Io, createApplication: () => Promise<CreateApplication>): Promise<number> {
  const loaded = load(options, io)
  const log = createLog({ level: options.logLevel, format: options.logFormat }, io.err)
  for (const { message, suggestion, file, line, column, path } of loaded.warnings) {
    const place = file.startsWith('--') ? { flag: file } : { place: `${file}:${line}:${column}`, path }
    log.warn({ ...place, suggestion }, `Config: ${message}`)
  }
  const where = options.config === undefined ? '--listen or --admin' : 'its address in the config file'
  const running = await startApplication(await createApplication(), loaded, log, where)
  const { app, started, drainAsked } = running
  const listeners = started.listeners.map(({ name, address }) => `${name} ${formatAddress(address)}`)
  const admin = started.admin === undefined ? '' : formatAddress(started.admin)
  log.info({ version: oplensVersion(), listeners, admin }, 'Started')
  // Not waited for: a signal must find its listener while nobody has answered yet.
  void whereToLook(running, loaded, options.to).then((text) => io.out(text))
  return serveUntilStopped(app, io, log, { until: drainAsked })
}

function load({ to, config, listen, admin, advertise }: RunOptions, io: Io): Loaded {
  if (config !== undefined) return loadConfig({ kind: 'file', path: config }, configParts, io.environment)
  if (to === undefined) throw usageError(`run: say where the database is, with --to or a config file${EXAMPLE}`)
  const settings = {
    ...(listen === undefined ? {} : { listen }),
    ...(admin === undefined ? {} : { admin }),
    ...(advertise === undefined ? {} : { advertise }),
  }
  return fromUri(to, settings, configParts)
}

const EXAMPLE = '\n  oplens run --to mongodb://127.0.0.1:27017/\n  oplens run -c oplens.yaml'
