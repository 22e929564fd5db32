// A real Prometheus that scrapes what it is told, and its HTTP API.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProcess } from './process.mjs'
import { ROOT, tool } from './tools.mjs'

/**
 * Scrapes and evaluates every second.
 * @param {string[]} targets `host:port`, under the job `oplens`
 */
export async function startPrometheus(targets) {
  const folder = mkdtempSync(join(tmpdir(), 'oplens-prometheus-'))
  cpSync(`${ROOT}dashboards/rules/oplens.rules.yml`, join(folder, 'oplens.rules.yml'))
  const config = join(folder, 'prometheus.yml')
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['oplens.rules.yml'],
      scrape_configs: [{ job_name: 'oplens', static_configs: [{ targets }] }],
    }),
  )
  const child = await startProcess(
    tool('prometheus').path,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${folder}/data`,
      '--web.listen-address=127.0.0.1:0',
      '--enable-feature=exemplar-storage',
    ],
    { ready: /msg="Listening on" address=(\S+)/ },
  )
  const api = `http://${child.match[1]}/api/v1/`
  return {
    /** An instant query. @returns {Promise<Series[]>} */
    query: async (expr) => seriesOf(await get(`${api}query`, { query: expr })),
    /** The last `seconds`, every five. @returns {Promise<Series[]>} */
    async queryRange(expr, seconds) {
      const end = Date.now() / 1000
      return seriesOf(await get(`${api}query_range`, { query: expr, start: end - seconds, end, step: 5 }))
    },
    /** Labels of the exemplars of the last `seconds`. @returns {Promise<Record<string, string>[]>} */
    async exemplars(expr, seconds) {
      const end = Date.now() / 1000
      const found = await get(`${api}query_exemplars`, { query: expr, start: end - seconds, end })
      return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels))
    },
    /** @returns {Promise<string[]>} */
    labelValues: (selector, label) => get(`${api}label/${label}/values`, { 'match[]': selector }),
    /** Recording rules and alerts, each with its health. */
    rules: async () => (await get(`${api}rules`, {})).groups.flatMap((group) => group.rules),
    async stop() {
      await child.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** @typedef {{labels: Record<string, string>, values: number[]}} Series */

async function get(url, parameters) {
  const response = await fetch(`${url}?${new URLSearchParams(parameters)}`)
  const { status, error, data } = await response.json()
  if (status !== 'success') throw new Error(`${parameters.query ?? url}: ${error}`)
  return data
}

function seriesOf({ resultType, result }) {
  if (resultType === 'scalar') return [{ labels: {}, values: [Number(result[1])] }]
  return result.map(({ metric, values, value }) => ({
    labels: metric,
    values: (values ?? [value]).map(([, text]) => Number(text)),
  }))
}
