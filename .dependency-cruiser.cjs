// Who may import whom: docs/architecture.md explains the rooms; this file enforces them (type imports too).
const room = (name, allowed, extra = {}) => ({
  name: `${name}-stays-in-its-room`,
  severity: 'error',
  from: { path: `^src/${name}/` },
  to: { path: '^src/', pathNot: [`^src/${name}/`, ...allowed.map((a) => `^src/${a}`)], ...extra },
})
const only = (name, packages, allowedFrom) => ({
  name: `${name}-lives-in-one-place`,
  severity: 'error',
  from: { path: '^src/', pathNot: allowedFrom },
  to: { path: packages.map((p) => `node_modules/${p}/`) },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    room('core', []),
    {
      name: 'core-imports-no-package',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: 'node_modules/(?!@types/node)' },
    },
    room('codecs', ['core/']),
    {
      name: 'codecs-know-no-sibling',
      severity: 'error',
      from: { path: '^src/codecs/([^/]+)/' },
      to: { path: '^src/codecs/', pathNot: ['^src/codecs/$1/', '^src/codecs/shared/'] },
    },
    room('upstream', ['core/']),
    room('proxy', ['core/']),
    room('observe', ['core/']),
    room('config', ['core/']),
    room('admin', ['core/', 'config/']),
    room('demo', ['core/']),
    {
      name: 'the-page-knows-contracts-alone',
      comment: 'It runs in a browser: of the server it has types.',
      severity: 'error',
      from: { path: '^src/admin/web/' },
      to: {
        pathNot: [
          '^src/admin/web/',
          '^src/admin/frames\\.ts$',
          '^src/core/reports\\.ts$',
          'node_modules/(preact|uplot)/',
        ],
      },
    },
    {
      name: 'the-server-knows-no-page',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/admin/web/' },
      to: { path: '^src/admin/web/' },
    },
    {
      name: 'demo-is-loaded-by-cli-only',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/demo/', '^src/cli/demo'] },
      to: { path: '^src/demo/' },
    },
    { name: 'src-never-imports-test', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|bench)/' } },
    only('prom-client', ['prom-client', '@opentelemetry'], ['^src/observe/']),
    only('bson', ['bson', 'snappyjs', 'fzstd', 'snappy', '@mongodb-js/zstd'], ['^src/codecs/mongodb/', '^src/demo/']),
    only('aws', ['@aws-sdk/(?!client-dynamodb/)[^/]+', '@smithy'], ['^src/codecs/dynamodb/resign/']),
    only('the-driver', ['mongodb', 'mingo'], ['^src/demo/']),
    only('the-sdk', ['dynalite', '@aws-sdk/client-dynamodb'], ['^src/demo/']),
    only('zod', ['zod'], ['config\\.ts$']),
    only('the-page', ['preact', 'uplot'], ['^src/admin/web/']),
    only('yaml', ['yaml'], ['^src/config/']),
    only('pino', ['pino', 'commander'], ['^src/cli/']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
