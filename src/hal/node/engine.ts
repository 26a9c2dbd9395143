// What V8 does on this host.
import type { Engine } from '../engine.ts';

export const engine: Engine = { storesTrap: process.arch !== 'arm64' || process.platform === 'darwin' };
