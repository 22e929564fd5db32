import type { CertificateExpiry } from '../core/certificates.js'
import type { Sample } from './counters.js'
import type { Exposed } from './exposition.js'
import { FAMILIES } from './families.js'
import { formatLabels } from './label-text.js'

interface Leg {
  readonly name: string
  readonly stats: { readonly certificateExpiry: CertificateExpiry }
}

/** `file` is the config's key and not the path: nobody is told how the machine is laid out, and a renewed file keeps its series. */
function samplesOf(listener: string, cluster: string, { certSeconds, caSeconds }: CertificateExpiry): Sample[] {
  const files = [
    ['cert', certSeconds],
    ['ca', caSeconds],
  ] as const
  return files.flatMap(([file, value]) => {
    if (Number.isNaN(value)) return []
    return [{ labels: formatLabels(FAMILIES.certificateExpiry.labels, [listener, cluster, file]), value }]
  })
}

/** Of the certificates that are in use now. Members of a set share their listener's: the same labels are one sample. */
export function exposeCertificates(listeners: Iterable<Leg>, clusters: Iterable<Leg>): Exposed {
  const samples = [
    ...[...listeners].flatMap(({ name, stats }) => samplesOf(name, '', stats.certificateExpiry)),
    ...[...clusters].flatMap(({ name, stats }) => samplesOf('', name, stats.certificateExpiry)),
  ]
  const byLabels = new Map(samples.map((sample) => [sample.labels, sample]))
  return { kind: 'samples', family: FAMILIES.certificateExpiry, samples: byLabels.values() }
}
