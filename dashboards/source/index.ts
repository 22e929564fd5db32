import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { collections } from './collections.js'
import { dynamodb } from './dynamodb.js'
import { overview } from './overview.js'
import { proxy } from './proxy.js'
import { replicaSet } from './replica-set.js'

/** In the order in which one looks: from the whole to the part. */
export const DASHBOARDS: readonly Dashboard[] = [overview, collections, replicaSet, dynamodb, proxy]

/** The file of a dashboard below `dashboards/`, and what stands in it. */
export function fileOf(dashboard: Dashboard): { readonly name: string; readonly text: string } {
  return { name: `${dashboard.uid}.json`, text: `${JSON.stringify(dashboard, null, 2)}\n` }
}
