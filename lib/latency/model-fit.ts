import type { FitReport } from "./fit-report.js";
import type { LatencyModel } from "./latency-model.js";

/** A fitted model and the parts of its report that the fit itself knows. */
export interface ModelFit extends Pick<FitReport, "coefficients" | "residuals" | "trimmed" | "leftOut"> {
  readonly model: LatencyModel;
}
