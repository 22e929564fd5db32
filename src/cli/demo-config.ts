import { loadConfig } from '../config/load.js'
import { configParts } from './config-parts.js'
import type { Loaded } from './serve.js'

/** Names of the two listeners and their clusters. */
export const MONGODB = 'mongodb'
export const DYNAMODB = 'dynamodb'

export interface DemoAddresses {
  readonly port: number
  readonly admin: string
  /** Of the replica set itself, and of the DynamoDB server: `host:port`. */
  readonly setUri: string
  readonly dynamo: string
}

const HOST = '127.0.0.1'
const LAST_PORT = 65_535

/** What a config file of the demo would say: MongoDB on the port, DynamoDB on the next, the members of the set behind. */
export function demoConfig({ port, admin, setUri, dynamo }: DemoAddresses): Loaded {
  const next = port === 0 || port === LAST_PORT ? 0 : port + 1
  const value = {
    admin: { address: admin },
    listeners: [
      { name: MONGODB, address: `${HOST}:${port}`, protocol: 'mongodb', cluster: MONGODB, mode: 'members' },
      { name: DYNAMODB, address: `${HOST}:${next}`, protocol: 'dynamodb', cluster: DYNAMODB },
    ],
    clusters: [
      { name: MONGODB, uri: setUri },
      { name: DYNAMODB, hosts: [dynamo] },
    ],
  }
  const nameOf = (path: readonly (string | number)[]) => (path[0] === 'admin' ? '--admin' : '--port')
  return loadConfig({ kind: 'plain', value, nameOf }, configParts)
}
