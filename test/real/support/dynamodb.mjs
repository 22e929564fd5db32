// DynamoDB's servers and clients of tier 2, each in a process of its own.
import { runProcess, startProcess } from './process.mjs'
import { ROOT, tool } from './tools.mjs'

/** What an application has in its environment, beside the endpoint. */
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'of-nobody', AWS_REGION: 'eu-central-1' }
/** Nothing of this machine's own configuration may lead a client elsewhere. */
const NOTHING_ELSE = {
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_DEFAULT_REGION: CREDENTIALS.AWS_REGION,
  AWS_EC2_METADATA_DISABLED: 'true',
}

export const SERVERS = {
  /** Knows transactions and PartiQL; closes each connection. */
  moto: {
    needs: ['moto'],
    start: () =>
      startProcess(tool('moto').path.replace(/python$/, 'moto_server'), ['-H', '127.0.0.1', '-p', '0'], {
        ready: /Running on http:\/\/127\.0\.0\.1:(\d+)/,
        timeoutMs: 60_000,
      }),
  },
  /** Keeps connections, checks signatures' form, knows neither. */
  dynalite: {
    needs: [],
    start: () =>
      startProcess(
        process.execPath,
        [`${ROOT}node_modules/dynalite/cli.js`, '--host', '127.0.0.1', '--port', '0', '--createTableMs', '0'],
        { ready: /127\.0\.0\.1:(\d+)/ },
      ),
  },
}

export const CLIENTS = {
  node: { needs: [], command: () => [process.execPath, `${ROOT}test/real/drivers/dynamodb-node.mjs`] },
  boto3: { needs: ['moto'], command: () => [tool('moto').path, `${ROOT}test/real/drivers/dynamodb_boto3.py`] },
  go: { needs: ['goDynamodb'], command: () => [tool('goDynamodb').path] },
}

/**
 * The mixed workload, by a client that knows its endpoint from `AWS_ENDPOINT_URL` alone.
 * @returns its attempts, as test/support/sdk-truth.ts takes them
 */
export async function runDynamodbClient(name, endpoint) {
  const [command, ...args] = CLIENTS[name].command()
  const env = { ...CREDENTIALS, ...NOTHING_ELSE, AWS_ENDPOINT_URL: endpoint }
  const { code, stdout, stderr } = await runProcess(command, args, { env })
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`)
  // A missing member is null in Go, and not there elsewhere.
  const lines = stdout.trim().split('\n')
  const told = lines.map((line) => JSON.parse(line, (_key, value) => (value === null ? undefined : value)))
  if (told.pop()?.done !== true) throw new Error(`${name} did not finish: ${stderr}`)
  return told
}
