/**
 * The tap: a recording reverse proxy. Put between clients and an OpenAI-compatible server, it passes everything on
 * unchanged and writes one trace record a completion.
 *
 * Read `start-tap.ts` first, then `forward-exchange.ts` (how bytes pass), `exchange-log.ts` (how they are watched)
 * and `exchange-records.ts` (what is written). Times are milliseconds since the tap started.
 */
export { startTap, type Tap, type TapOptions } from "./start-tap.js";
