import type { Command } from "commander";
import { InputError } from "../base/index.js";
import { routers } from "../fleet/index.js";
import type { ReplayOptions } from "../replay/index.js";
import { engineCount, type Trace } from "../trace/index.js";
import { parseCount } from "./engine-flags.js";

/** The fleet's flags as commander hands them over. */
export interface FleetFlags {
  readonly replicas?: number;
  readonly router?: string;
}

/** Adds the flags of a fleet to a command. */
export function addFleetFlags(command: Command): Command {
  return command
    .option(
      "--replicas <n>",
      "equal engines behind a router (default: the capture's data-parallel ranks, else 1)",
      parseCount,
    )
    .option("--router <name>", `which replica a request is sent to: ${Object.keys(routers).join(", ")}`);
}

/**
 * The fleet that the flags ask for; what they leave out is not in the result.
 * @param where the command's name, for the error
 * @throws InputError when there is a router and nothing to route
 */
export function fleetFromFlags(
  where: string,
  { replicas, router }: FleetFlags,
  { meta }: Trace,
): Pick<ReplayOptions, "replicas" | "router"> {
  if (router !== undefined && (replicas ?? engineCount(meta)) === 1)
    throw new InputError(`${where}: --router chooses among replicas: give --replicas N with it`);
  return { ...(replicas !== undefined && { replicas }), ...(router !== undefined && { router }) };
}
