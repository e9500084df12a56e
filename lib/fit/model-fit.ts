import type { LatencyModel, StepForm } from "../latency/index.js";
import type { FitReport } from "./fit-report.js";

/** A fitted model and the parts of its report that the fit itself knows. */
export interface ModelFit extends Pick<FitReport, "coefficients" | "residuals" | "trimmed" | "leftOut"> {
  readonly model: LatencyModel;
  readonly form?: StepForm;
  readonly scheduling?: FitReport["scheduling"];
  /** The ratio that the price of depth was set by, where the observations did not tell it. */
  readonly pinnedDepthRatio?: number;
}
