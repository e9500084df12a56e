import {
  burstArrivals,
  type PlannedSession,
  planSessions,
  planSweep,
  poissonArrivals,
} from "../../workload/index.js";
import type { Conversations } from "./conversation.js";
import { driveClosedLoop } from "./drive-closed-loop.js";
import { type DriveResult, driveOpenLoop } from "./drive-open-loop.js";
import { type DrivenSession, driveSessions } from "./drive-sessions.js";
import { driveSweep } from "./drive-sweep.js";
import type { LoadRun } from "./load-run.js";
import { concurrencyLevels, type LoadgenOptions } from "./loadgen-options.js";
import type { RecordedConversation } from "./read-conversations.js";
import { recordedSession } from "./recorded-session.js";

/** A load, planned to the last request where the pattern allows, and who drives it. */
export interface Load {
  /** Requests it will send; undefined when the server's speed decides. */
  readonly planned?: number;
  /** Arrivals do not wait for answers. */
  readonly open: boolean;
  readonly drive: (run: LoadRun, conversations: Conversations) => Promise<DriveResult>;
}

/**
 * Plans the load that the options describe. Pure: driving is left to the caller.
 * @param recorded what the pattern `conversations` sends again, and the characters of its text a token
 */
export function planLoad(
  options: LoadgenOptions,
  recorded: { readonly conversations: readonly RecordedConversation[]; readonly charactersPerToken: number },
): Load {
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
        drive: (run, conversations) =>
          driveSessions(
            run,
            plan.map((planned) => synthesized(planned, conversations, options.prefixTokens)),
          ),
      };
    }
    case "conversations": {
      const { conversations, charactersPerToken } = recorded;
      const arrivals = poissonArrivals({
        ratePerSecond: options.ratePerSecond,
        seed: options.seed,
        count: Math.min(options.sessions ?? Number.POSITIVE_INFINITY, conversations.length),
      });
      const sessions = Array.from(arrivals, (arrivalMs, i) =>
        sentAgain(conversations[i], `s${i}`, arrivalMs, options, charactersPerToken),
      );
      return {
        planned: sessions.reduce((sum, { turns }) => sum + turns.length, 0),
        open: true,
        drive: (run) => driveSessions(run, sessions),
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

/** A turn's prompt is the shared prefix, all earlier prompts and the server's real answers, and a new prompt. */
function synthesized(
  planned: PlannedSession,
  conversations: Conversations,
  prefixTokens: number,
): DrivenSession {
  const { session, arrivalMs, prefix, turns } = planned;
  return {
    session,
    arrivalMs,
    turns,
    start() {
      const source = conversations.start({ name: `prefix ${prefix}`, tokens: prefixTokens });
      return {
        source,
        say: (index) => source.say(`${session} turn ${turns[index].turn}`, turns[index].newTokens),
        hear: (_index, exchange) => source.hear(exchange),
      };
    },
  };
}

/** A think time that is asked for stands for those of the file. */
function sentAgain(
  conversation: RecordedConversation,
  session: string,
  arrivalMs: number,
  options: LoadgenOptions,
  charactersPerToken: number,
): DrivenSession {
  return {
    session,
    arrivalMs,
    turns: conversation.turns.map(({ thinkMs = 0, outputTokens = options.outputTokens }, i) => ({
      thinkMs: i === 0 ? 0 : options.thinkTimeMs || thinkMs,
      outputTokens,
    })),
    start() {
      const source = recordedSession(conversation, { ...options, charactersPerToken });
      return { source, say: source.say, hear: source.hear };
    },
  };
}
