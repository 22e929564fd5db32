import { readYaml } from './yaml-document.js'

/**
 * YAML, or JSON, as plain data, by the rules of the config file but without variables.
 * @throws Error that names the first problem and its line
 */
export function parseYamlData(text: string): unknown {
  const { value, problems } = readYaml(text, {})
  const [problem] = problems
  if (problem !== undefined) throw new Error(`line ${problem.line}: ${problem.message}`)
  return value
}
