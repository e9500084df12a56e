import type { LatencyModel } from "../latency/index.js";
import type { FitReport } from "./fit-report.js";

/** A fitted model and the parts of its report that the fit itself knows. */
export interface ModelFit extends Pick<FitReport, "coefficients" | "residuals" | "trimmed" | "leftOut"> {
  readonly model: LatencyModel;
}
