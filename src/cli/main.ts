#!/usr/bin/env node
import { processIo } from './io.js'
import { runCli } from './program.js'

const exitCode = await runCli(process.argv.slice(2), processIo(), async () => {
  const { createApplication } = await import('./composition.js')
  return createApplication
})
process.exit(exitCode)
