// The drivers' workloads, each run in a process of its own, and what the driver said about the run.
import { runProcess } from './process.mjs'
import { ROOT, tool } from './tools.mjs'
import { readEvents } from './truth.mjs'

/** For a run of a second or two on a machine that others use too. */
const QUICK_JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']

/** @typedef {'node' | 'pymongo' | 'pymongo3' | 'go' | 'java'} Driver */

const programs = {
  node: () => ({ command: process.execPath, args: [`${ROOT}test/real/drivers/workload-node.mjs`] }),
  pymongo: () => ({ command: found('python'), args: [`${ROOT}test/real/drivers/workload_pymongo.py`] }),
  pymongo3: () => ({ command: found('pymongo3'), args: [`${ROOT}test/real/drivers/workload_pymongo3.py`] }),
  go: () => ({ command: found('go'), args: [] }),
  java: () => ({ command: 'java', args: [...QUICK_JAVA, '-cp', found('java'), 'Workload'] }),
}

function found(name) {
  const { path, missing } = tool(name)
  if (missing !== '') throw new Error(missing)
  return path
}

/**
 * @param {Driver} driver
 * @param {{uri: string, scenario: string, controlUri?: string, timeoutMs?: number}} options
 *   `controlUri` reaches the server past the proxy, for failpoints
 */
export async function runWorkload(driver, { uri, scenario, controlUri = uri, timeoutMs = 60_000 }) {
  const { command, args } = programs[driver]()
  const { code, stdout, stderr } = await runProcess(command, [...args, uri, scenario, controlUri], { timeoutMs })
  if (code !== 0) throw new Error(`${driver} ${scenario} ended with ${code}: ${stderr}`)
  const events = readEvents(stdout)
  if (!events.isDone) throw new Error(`${driver} ${scenario} did not finish: ${stderr}`)
  return events
}
