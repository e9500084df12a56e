import type { LatencyModel, StepForm } from "../latency/index.js";
import type { FitReport } from "./fit-report.js";

/** A fitted model and the parts of its report that the fit itself knows. */
export interface ModelFit extends Pick<FitReport, "coefficients" | "residuals" | "trimmed" | "leftOut"> {
  readonly model: LatencyModel;
  readonly form?: StepForm;
  readonly scheduling?: FitReport["scheduling"];
  /** Names of the prices of a prefill that the observations speak of but do not tell apart. */
  readonly openPrices?: readonly string[];
  /** The ratio that the price of depth was set by, where the observations did not tell it. */
  readonly pinnedDepthRatio?: number;
}
