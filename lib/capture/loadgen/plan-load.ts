import { burstArrivals, planSessions, planSweep, poissonArrivals } from "../../workload/index.js";
import type { Conversations } from "./conversation.js";
import { driveClosedLoop } from "./drive-closed-loop.js";
import { type DriveResult, driveOpenLoop } from "./drive-open-loop.js";
import { driveSessions } from "./drive-sessions.js";
import { driveSweep } from "./drive-sweep.js";
import type { LoadRun } from "./load-run.js";
import { concurrencyLevels, type LoadgenOptions } from "./loadgen-options.js";

/** A load, planned to the last request where the pattern allows, and who drives it. */
export interface Load {
  /** Requests it will send; undefined when the server's speed decides. */
  readonly planned?: number;
  /** Arrivals do not wait for answers. */
  readonly open: boolean;
  readonly drive: (run: LoadRun, conversations: Conversations) => Promise<DriveResult>;
}

/** Plans the load that the options describe. Pure: driving is left to the caller. */
export function planLoad(options: LoadgenOptions): Load {
  const span = {
    durationMs: options.durationMs,
    ...(options.sessions !== undefined && { count: options.sessions }),
  };
  switch (options.pattern) {
    case "multiturn": {
      const { count: sessions, ...duration } = span;
      const plan = planSessions({ ...options, ...duration, ...(sessions !== undefined && { sessions }) });
      return {
        planned: plan.length * options.turns,
        open: true,
        drive: (run, conversations) => driveSessions(run, conversations, plan, options.prefixTokens),
      };
    }
    case "poisson":
      return openLoad(
        poissonArrivals({ ...span, ratePerSecond: options.ratePerSecond, seed: options.seed }),
        options,
      );
    case "burst":
      return openLoad(burstArrivals({ ...span, ...options }), options);
    case "constant":
    case "staircase": {
      const levels = concurrencyLevels(options);
      return {
        open: false,
        drive: (run, conversations) => driveClosedLoop(run, conversations, { ...options, levels }),
      };
    }
    case "sweep": {
      const stages = planSweep({
        maxPromptTokens: options.promptTokens,
        outputTokens: options.outputTokens,
        levels: concurrencyLevels(options),
        repeats: options.repeats,
        seed: options.seed,
      });
      const planned = stages.reduce((sum, { requests }) => sum + requests.length, 0);
      return { planned, open: false, drive: (run, conversations) => driveSweep(run, conversations, stages) };
    }
  }
}

function openLoad(arrivalsMs: Float64Array, options: LoadgenOptions): Load {
  return {
    planned: arrivalsMs.length,
    open: true,
    drive: (run, conversations) => driveOpenLoop(run, conversations, arrivalsMs, options),
  };
}
