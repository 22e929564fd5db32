/** What the name of a DynamoDB endpoint in AWS says. */
export interface AwsHost {
  readonly region: string
}

/** Of all partitions, as the AWS SDK's own list has them; the later ones are those of dual-stack endpoints. */
const SUFFIXES = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'amazonaws.eu',
  'c2s.ic.gov',
  'cloud.adc-e.uk',
  'csp.hci.ic.gov',
  'sc2s.sgov.gov',
  'api.aws',
  'api.amazonwebservices.com.cn',
  'api.amazonwebservices.eu',
  'api.aws.hci.ic.gov',
  'api.aws.ic.gov',
  'api.aws.scloud',
  'api.cloud-aws.adc-e.uk',
]
/** `dynamodb`, `streams.dynamodb`, `dynamodb-fips`, an account's own endpoint, and any of them behind a VPC endpoint. */
const SERVICE = String.raw`(?:vpce-[a-z0-9-]+\.)?(?:(?:streams[.-]|search-)?dynamodb(?:-fips)?|\d{12}\.(?:search-)?ddb)`
const REGION = String.raw`[a-z]{2,8}(?:-[a-z]{1,16})+-\d{1,2}`
const FORM = new RegExp(
  `^${SERVICE}\\.(${REGION})\\.(?:vpce\\.)?(?:${SUFFIXES.map((suffix) => suffix.replaceAll('.', '\\.')).join('|')})\\.?$`,
)

/**
 * Reads the name of a DynamoDB or DynamoDB Streams endpoint in AWS; undefined for any other host, with or without a port.
 * (AWS General Reference, "Amazon DynamoDB endpoints and quotas"; the SDK's endpoint rules of DynamoDB.)
 */
export function parseAwsHost(host: string): AwsHost | undefined {
  const region = FORM.exec(host.replace(/:\d{1,5}$/, '').toLowerCase())?.[1]
  return region === undefined ? undefined : { region }
}
