#!/usr/bin/env node
import { processIo } from './io.js'
import { runCli } from './program.js'

// Whoever reads our output may leave early (`oplens check FILE | head`): that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

const exitCode = await runCli(process.argv.slice(2), processIo(), async () => {
  const { createApplication } = await import('./composition.js')
  return createApplication
})
process.exit(exitCode)
