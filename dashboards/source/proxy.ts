import { FAMILIES as F, type Family } from '../../src/observe/families.js'
import { board } from './board.js'
import { increase, max, min, processMetric, rate, series, sum } from './expressions.js'
import { events, figure, graph, rates, table, target } from './vocabulary.js'

const INSTANCE = ['instance']
const HOST = ['cluster', 'host']
const LISTENER = ['listener']

/** How often each of a counter's kinds came, named by its labels. */
const count = (family: Family, labels: readonly string[], what = '') =>
  target(sum(labels, increase(series(family))), `${labels.map((label) => `{{${label}}}`).join(' ')} ${what}`.trim())

export const proxy = board({
  uid: 'oplens-proxy',
  title: 'Proxy',
  description:
    'oplens itself: what it costs, what it could not read, how connections come and go, and what watches it.',
  variables: ['job', 'instance', 'cluster'],
  rows: [
    {
      title: 'What runs',
      panels: [
        figure(
          {
            title: 'Up',
            description: 'Proxies that answer Prometheus. Fewer than were deployed: see the alert OplensDown.',
            unit: 'short',
            limits: { warn: 1, bad: 0.5 },
          },
          target(sum([], processMetric('up')), 'up'),
        ),
        figure(
          {
            title: 'Uptime of the youngest',
            description:
              'Since the last start of any proxy. Short without a deployment: it crashes or is killed; look at its logs and memory.',
            unit: 's',
          },
          target(`time() - max(${processMetric('process_start_time_seconds')})`, 'uptime'),
        ),
        table(
          {
            title: 'Versions',
            description: 'What each proxy runs. More than one version outside of a roll-out: one was left behind.',
            unit: 'none',
            span: 16,
            height: 4,
          },
          target(sum(['job', 'instance', 'version', 'node_version'], series(F.buildInfo)), ''),
          ['Value'],
        ),
      ],
    },
    {
      title: 'Process',
      panels: [
        graph(
          {
            title: 'CPU',
            description:
              'Cores. One thread carries the traffic: near 1 it is full, latency rises, and it is time for another proxy.',
            unit: 'short',
          },
          target(sum(INSTANCE, rate(processMetric('process_cpu_seconds_total'))), '{{instance}}'),
        ),
        graph(
          {
            title: 'Memory',
            description:
              'Resident, and heap in use. Follows connections and label sets; growing for days at steady traffic is a leak: please report it.',
            unit: 'bytes',
          },
          target(max(INSTANCE, processMetric('process_resident_memory_bytes')), '{{instance}} resident'),
          target(max(INSTANCE, processMetric('nodejs_heap_size_used_bytes')), '{{instance}} heap used'),
        ),
        graph(
          {
            title: 'Event-loop lag',
            description:
              'What a turn of the loop takes beyond its due: added to every operation. Its resolution is 10 ms, so that is the floor. Much above: too much traffic for one thread, or scrapes of very many series.',
            unit: 's',
          },
          target(max(INSTANCE, processMetric('nodejs_eventloop_lag_p99_seconds')), '{{instance}} p99'),
          target(max(INSTANCE, processMetric('nodejs_eventloop_lag_mean_seconds')), '{{instance}} mean'),
        ),
        graph(
          {
            title: 'Garbage collection',
            description: 'Share of time. More than a few percent: the heap is near its limit; see memory.',
            unit: 'percentunit',
          },
          target(
            sum(['instance', 'kind'], rate(processMetric('nodejs_gc_duration_seconds_sum'))),
            '{{instance}} {{kind}}',
          ),
        ),
        graph(
          {
            title: 'File descriptors',
            description:
              'Share of the limit. Each proxied connection takes two. Near 1, accepts fail: raise the limit of the process.',
            unit: 'percentunit',
          },
          target(
            `${max(INSTANCE, processMetric('process_open_fds'))} / ${max(INSTANCE, processMetric('process_max_fds'))}`,
            '{{instance}}',
          ),
        ),
        rates(
          {
            title: 'Wire messages',
            description: 'By opcode and direction. OP_QUERY beyond handshakes: a driver of before 2017.',
            unit: 'mps',
          },
          F.messages,
          ['direction', 'opcode'],
        ),
      ],
    },
    {
      title: 'Decoding',
      panels: [
        events(
          {
            title: 'Decode errors',
            description:
              'Messages that could not be understood, by reason; they passed unread. docs/errors.md explains each. Any of an ordinary driver is a bug: please report it.',
            span: 12,
          },
          count(F.decodeErrors, ['listener', 'direction', 'reason']),
        ),
        events(
          {
            title: 'Framing lost',
            description:
              'Connections whose bytes pass undecoded from there on, or were closed. A client of another protocol on this port, or a bug.',
            span: 12,
          },
          count(F.decodingLost, ['listener', 'direction', 'reason']),
        ),
      ],
    },
    {
      title: 'Clients',
      panels: [
        rates(
          {
            title: 'Connections opened',
            description:
              'Per second. Steady churn at steady traffic: clients without pools, or something that cuts idle connections.',
            unit: 'cps',
          },
          F.downstreamTotal,
          LISTENER,
        ),
        events(
          {
            title: 'Connections closed, by reason',
            description:
              'client_closed is the normal one. docs/metrics.md explains each; anything with upstream, error or timeout in it is worth a look.',
          },
          count(F.downstreamClosed, ['listener', 'reason']),
        ),
        graph(
          {
            title: 'Connections open',
            description: 'By listener. A limit of max_connections stands behind each.',
            unit: 'short',
          },
          target(sum(LISTENER, series(F.downstreamActive)), '{{listener}}'),
        ),
        graph(
          {
            title: 'Bytes',
            description: 'From and to clients. The network card is the limit, long before oplens is.',
            unit: 'Bps',
          },
          target(sum(LISTENER, rate(series(F.downstreamReceived))), '{{listener}} received'),
          target(sum(LISTENER, rate(series(F.downstreamSent))), '{{listener}} sent'),
        ),
        rates(
          {
            title: 'Reading paused',
            description:
              'Times one side waited for the other to take more, per second. Clients that read slowly are normal for exports; always: a slow network.',
            unit: 'ops',
          },
          F.readingPaused,
          LISTENER,
        ),
        events(
          {
            title: 'Not accepted',
            description:
              'Failed TLS handshakes (wrong authority, old version, plain text on a TLS port) and failed accepts (out of file descriptors).',
          },
          count(F.downstreamTlsErrors, LISTENER, 'TLS handshake'),
          count(F.acceptErrors, LISTENER, 'accept'),
        ),
      ],
    },
    {
      title: 'Databases',
      panels: [
        events(
          {
            title: 'Connect failures',
            description:
              'Attempts that failed, time-outs among them. One host: it is down; all of a cluster: the network, DNS or TLS. The log names the reason.',
          },
          count(F.connectFailures, HOST, 'failed'),
          count(F.connectTimeouts, HOST, 'timed out'),
        ),
        graph(
          {
            title: 'Bytes',
            description:
              'To and from hosts. One host far above the others: unbalanced pools, or a read preference that leads all to it.',
            unit: 'Bps',
          },
          target(sum(HOST, rate(series(F.upstreamSent))), '{{cluster}} {{host}} sent'),
          target(sum(HOST, rate(series(F.upstreamReceived))), '{{cluster}} {{host}} received'),
        ),
        graph(
          {
            title: 'Host healthy',
            description:
              'What active health checks find, of clusters that have them: 0 is out of use. /clusters tells why.',
            unit: 'short',
          },
          target(min(HOST, series(F.hostHealthy)), '{{cluster}} {{host}}'),
        ),
        graph(
          {
            title: 'Connections',
            description: 'Open, and kept for a next request (protocols inside HTTP).',
            unit: 'short',
          },
          target(sum(['cluster'], series(F.upstreamActive)), '{{cluster}} open'),
          target(sum(['cluster'], series(F.connectionsIdle)), '{{cluster}} idle'),
        ),
        events(
          {
            title: 'Tried again',
            description:
              'Connects that went on to another host, and requests sent again because their connection had been closed. Users saw none of it.',
          },
          count(F.connectRetries, ['cluster'], 'connects'),
          count(F.requestRetries, ['cluster'], 'requests'),
        ),
        events(
          {
            title: 'Discovery',
            description:
              'Changes of the set of hosts, and lookups that failed (the last known hosts stay), and choices made in panic, with no host known to be usable.',
          },
          count(F.membershipChanges, ['cluster'], 'changes'),
          count(F.discoveryFailures, ['cluster'], 'failures'),
          count(F.panics, ['cluster'], 'panic'),
        ),
      ],
    },
    {
      title: 'Certificates',
      panels: [
        graph(
          {
            title: 'Time left',
            description:
              'Until a certificate in use expires. New files are taken without a restart: renew them in time.',
            unit: 's',
            span: 12,
          },
          target(
            `${min(['instance', 'listener', 'cluster', 'file'], processMetric(F.certificateExpiry.name))} - time()`,
            '{{listener}}{{cluster}} {{file}} ({{instance}})',
          ),
        ),
        events(
          {
            title: 'Read again',
            description:
              'Renewed files taken, and those that could not be used: the old certificate stays until it expires. The log says what is wrong with them.',
            span: 12,
          },
          count(F.certificateReloads, LISTENER, 'taken'),
          count(F.certificateReloadFailures, LISTENER, 'unusable'),
          count(F.upstreamCertificateReloads, ['cluster'], 'taken'),
          count(F.upstreamCertificateReloadFailures, ['cluster'], 'unusable'),
        ),
      ],
    },
    {
      title: 'Observing',
      panels: [
        events(
          {
            title: 'Observer errors',
            description:
              'Exceptions of metrics, logs and the like. Traffic is not touched, but numbers may be missing: please report them.',
          },
          count(F.observerErrors, ['observer']),
        ),
        events(
          {
            title: 'Names folded away',
            description:
              'Names that came after a cap was full and count as __other__. Raise the cap under observe.metrics, or find who makes up names.',
          },
          count(F.metricsOverflow, ['label']),
        ),
        events(
          {
            title: 'Query shapes given up',
            description:
              'Shapes that made room for others, and operations without one. Many: applications make up field names, or the table is too small.',
          },
          count(F.digestEvictions, INSTANCE, 'made room'),
          count(F.digestShapeless, INSTANCE, 'without shape'),
        ),
        rates(
          {
            title: 'Spans',
            description:
              'Traces by why they were made, of proxies that send them. Many by slow or failed: look at those operations, not at the sampler.',
            unit: 'ops',
          },
          F.tracesSpans,
          ['sampled_by'],
        ),
        events(
          {
            title: 'Spans lost',
            description:
              'queue: more than the collector takes, lower tracing.sample; export: the collector is down or refuses them. Traffic does not wait for it.',
          },
          count(F.tracesDropped, ['reason']),
        ),
        events(
          {
            title: 'Slow operations not written',
            description:
              'To the slow log: sampled and rate are its own limits; queue: the disk or stdout is slow, error: it failed. Counters and traces have them all the same.',
          },
          count(F.slowLogDropped, ['reason']),
        ),
      ],
    },
  ],
})
