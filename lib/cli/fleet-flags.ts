import { type Command, InvalidArgumentError, Option } from "commander";
import { InputError } from "../base/index.js";
import {
  type OnLoss,
  onLosses,
  type ReplicaChange,
  type ReplicaEvent,
  replicaChanges,
} from "../engine/index.js";
import { routers } from "../fleet/index.js";
import type { ReplayOptions } from "../replay/index.js";
import { engineCount, type Trace } from "../trace/index.js";
import { parseCount } from "./engine-flags.js";
import type { PrefillFlags } from "./prefill-flags.js";

/** The fleet's flags as commander hands them over. */
export interface FleetFlags {
  readonly replicas?: number;
  readonly router?: string;
}

/** Adds the flags of a fleet to a command. */
export function addFleetFlags(
  command: Command,
  usual = "the capture's data-parallel ranks, else 1",
): Command {
  return command
    .option("--replicas <n>", `equal engines behind a router (default: ${usual})`, parseCount)
    .option("--router <name>", `which replica a request is sent to: ${Object.keys(routers).join(", ")}`);
}

/**
 * The fleet that the flags ask for; what they leave out is not in the result.
 * @param where the command's name, for the error
 * @param captured the trace that tells how many there are where no flag does
 * @throws InputError when there is a router and nothing to route
 */
export function fleetFromFlags(
  where: string,
  { replicas, router, prefillReplicas }: FleetFlags & Pick<PrefillFlags, "prefillReplicas">,
  captured?: Trace,
): Pick<ReplayOptions, "replicas" | "router"> {
  if (
    prefillReplicas === undefined &&
    router !== undefined &&
    (replicas ?? (captured ? engineCount(captured.meta) : 1)) === 1
  )
    throw new InputError(`${where}: --router chooses among replicas: give --replicas N with it`);
  return { ...(replicas !== undefined && { replicas }), ...(router !== undefined && { router }) };
}

/** A replica event as it is typed: of one that is added, the replica is not told. */
type TypedEvent = Omit<ReplicaEvent, "replica"> & { readonly replica?: number; readonly isPrefill: boolean };

/** The flags of what happens to a fleet's replicas. */
export interface ReplicaEventFlags {
  readonly replicaEvent?: readonly TypedEvent[];
  readonly onLoss?: OnLoss;
}

/** Adds the flags of what happens to replicas to a command. */
export function addReplicaEventFlags(command: Command): Command {
  return command
    .option(
      "--replica-event <event>",
      "what happens to a replica, and at which second: stop:1@60, restart:1@90, drain:0@120 (no new requests), add@150; of prefill engines: stop:prefill-0@60, add:prefill@150; repeatable",
      (text, before: readonly TypedEvent[] = []) => [...before, parseEvent(text)],
    )
    .addOption(
      new Option(
        "--on-loss <what>",
        "with --replica-event: requests in flight at a replica that stops are sent again at once (resend, the default) or fail (lose)",
      ).choices(onLosses),
    );
}

/**
 * What the flags say happens to replicas and to prefill engines, each that is added with its number.
 * @throws InputError when they say what becomes of requests, and nothing happens; or what happens to prefill engines that there are not
 */
export function replicaEventsFromFlags(
  { replicaEvent, onLoss }: ReplicaEventFlags,
  replicas: number,
  prefillReplicas?: number,
): Pick<ReplayOptions, "replicaEvents" | "onLoss"> & { readonly prefillEvents?: readonly ReplicaEvent[] } {
  if (!replicaEvent) {
    if (onLoss)
      throw new InputError("replay: --on-loss says what follows a loss: give --replica-event with it");
    return {};
  }
  const ordered = [...replicaEvent].sort((a, b) => a.atMs - b.atMs);
  const numbered = (isPrefill: boolean, count: number) => {
    let next = count;
    return ordered
      .filter((event) => event.isPrefill === isPrefill)
      .map(({ atMs, does, replica }): ReplicaEvent => ({ atMs, does, replica: replica ?? next++ }));
  };
  const replicaEvents = numbered(false, replicas);
  const prefillEvents = numbered(true, prefillReplicas ?? 0);
  if (prefillEvents.length > 0 && prefillReplicas === undefined)
    throw new InputError(
      "replay: --replica-event names a prefill engine, and there is none: give --prefill-replicas N with it",
    );
  return {
    ...(replicaEvents.length > 0 && { replicaEvents }),
    ...(prefillEvents.length > 0 && { prefillEvents }),
    ...(onLoss && { onLoss }),
  };
}

function parseEvent(text: string): TypedEvent {
  const [, does = "", pool, replica, second = ""] =
    /^([a-z]+)(?::(prefill)?-?(\d+)?)?@(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  const isAdd = does === "add";
  if (!replicaChanges.includes(does as ReplicaChange) || isAdd !== (replica === undefined))
    throw new InvalidArgumentError(
      "expected stop:REPLICA@SECOND, restart:REPLICA@SECOND, drain:REPLICA@SECOND or add@SECOND; of prefill engines stop:prefill-REPLICA@SECOND and add:prefill@SECOND",
    );
  return {
    atMs: 1000 * Number(second),
    does: does as ReplicaChange,
    isPrefill: pool !== undefined,
    ...(replica !== undefined && { replica: Number(replica) }),
  };
}
