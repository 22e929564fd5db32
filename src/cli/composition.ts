import { createApp } from '../app.js'
import type { CreateApplication } from './application.js'

/** The one place where the commands meet the composition root; loaded when something is started, not for help or check. */
export const createApplication: CreateApplication = ({ loaded, ...deps }) =>
  createApp({ config: loaded.config, filledIn: loaded.filled, ...deps })
