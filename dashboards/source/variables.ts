import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { FAMILIES } from '../../src/observe/families.js'
import { part, processMetric, series } from './expressions.js'
import { DATASOURCE } from './vocabulary.js'

interface Variable {
  readonly label: string
  readonly query: string
  /** What `All` stands for. */
  readonly all: string
}

const operations = (narrow: object) => part(FAMILIES.operationDuration, 'count', narrow)

/**
 * Each narrowed by those before it. Operations may have an empty database (DynamoDB) or collection (`ping`), and `All` is to hold them;
 * job, instance and cluster are never empty.
 */
const VARIABLES = {
  job: { label: 'Job', query: `label_values(${FAMILIES.buildInfo.name}, job)`, all: '.+' },
  instance: {
    label: 'Instance',
    query: `label_values(${FAMILIES.buildInfo.name}{job=~"$job"}, instance)`,
    all: '.+',
  },
  cluster: {
    label: 'Cluster',
    query: `label_values(${processMetric(FAMILIES.upstreamHosts.name)}, cluster)`,
    all: '.+',
  },
  database: { label: 'Database', query: `label_values(${operations({})}, db_namespace)`, all: '.*' },
  collection: {
    label: 'Collection',
    query: `label_values(${operations({ where: ['db_namespace=~"$database"'] })}, db_collection_name)`,
    all: '.*',
  },
  table: {
    label: 'Table',
    query: `label_values(${series(FAMILIES.tableOperations)}, db_collection_name)`,
    all: '.*',
  },
} as const satisfies Record<string, Variable>

export type VariableName = keyof typeof VARIABLES

export function dataSource(): DatasourceVariableBuilder {
  return new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus')
}

/** A variable of a dashboard, by its name. A table is DynamoDB's collection, and has its place in links between dashboards. */
export function variable(name: VariableName): QueryVariableBuilder {
  const { label, query, all } = VARIABLES[name]
  return new QueryVariableBuilder(name === 'table' ? 'collection' : name)
    .label(label)
    .datasource({ ...DATASOURCE })
    .query(query)
    .definition(query)
    .multi(true)
    .includeAll(true)
    .allValue(all)
    .current({ selected: true, text: ['All'], value: ['$__all'] })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
}
