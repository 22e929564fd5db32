// The three drivers' workloads, each run in a process of its own, and what the driver said about the run.
import { runProcess } from './process.mjs'
import { ROOT, tool } from './tools.mjs'
import { readEvents } from './truth.mjs'

const programs = {
  node: () => ({ command: process.execPath, args: [`${ROOT}test/real/drivers/workload-node.mjs`] }),
  pymongo: () => ({ command: found('python'), args: [`${ROOT}test/real/drivers/workload_pymongo.py`] }),
  go: () => ({ command: found('go'), args: [] }),
}

function found(name) {
  const { path, missing } = tool(name)
  if (missing !== '') throw new Error(missing)
  return path
}

/**
 * @param {'node' | 'pymongo' | 'go'} driver
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
