# Writes r-survival.json: what R's survival package says of datasets.json.
# Run: Rscript test/reference/survival/reference.R   (R 4.2, survival 3.5-3, jsonlite)
library(survival)
library(jsonlite)

folder <- "test/reference/survival"
sets <- read_json(file.path(folder, "datasets.json"), simplifyVector = TRUE, simplifyDataFrame = FALSE, simplifyMatrix = FALSE)
shares <- c(0.1, 0.25, 0.5, 0.75, 0.9)
transforms <- c("plain", "log", "log-log", "arcsin")

frame_of <- function(sample) {
  data <- data.frame(time = sample$times, status = as.integer(sample$observed), weight = 1)
  if (!is.null(sample$weights)) data$weight <- sample$weights
  if (!is.null(sample$entry)) data$entry <- sample$entry
  if (!is.null(sample$clusters)) data$id <- sample$clusters
  if (!is.null(sample$strata)) data$stratum <- unlist(lapply(sample$strata, function(x) if (is.null(x)) NA else x))
  data[data$weight > 0, ]
}
response <- function(data) if (is.null(data$entry)) Surv(data$time, data$status) else Surv(data$entry, data$time, data$status)

curve_of <- function(sample) {
  data <- frame_of(sample)
  y <- response(data)
  # timefix = FALSE: no rounding of nearly equal times, as in lib/survival.
  fit <- survfit(y ~ 1, weights = data$weight, timefix = FALSE, robust = FALSE)
  out <- list(times = fit$time, atRisk = fit$n.risk, events = fit$n.event, censored = fit$n.censor,
    survival = fit$surv, variance = (fit$std.err * fit$surv)^2, hazard = fit$cumhaz, hazardError = fit$std.chaz)
  out <- lapply(out, I) # I(): a column of one stays a column
  out$bands <- lapply(setNames(transforms, transforms), function(kind) {
    f <- survfit(y ~ 1, weights = data$weight, conf.type = kind, timefix = FALSE, robust = FALSE)
    q <- quantile(f, shares)
    lapply(list(lower = f$lower, upper = f$upper, quantiles = unname(q$quantile),
      quantileLower = unname(q$lower), quantileUpper = unname(q$upper)), I)
  })
  horizon <- unname(quantile(data$time, 0.8))
  table <- summary(fit, rmean = horizon)$table
  out$restricted <- list(horizon = horizon, mean = unname(table["rmean"]), error = unname(table["se(rmean)"]))
  if (!is.null(data$id)) {
    robust <- survfit(y ~ 1, cluster = data$id, timefix = FALSE)
    # With a robust variance std.err is that of S, not of log S: robust$logse is FALSE.
    out$robustVariance <- I(robust$std.err^2)
  }
  if (is.null(data$entry) && is.null(sample$weights) && length(unique(data$time[data$status == 1])) > 1 && all(data$time > 0)) {
    out$fits <- lapply(c(weibull = "weibull", lognormal = "lognormal"), function(family) {
      f <- survreg(y ~ 1, dist = family, control = survreg.control(rel.tolerance = 1e-13, maxiter = 200))
      v <- vcov(f)
      list(mu = unname(coef(f)), sigma = f$scale, muError = sqrt(v[1, 1]), logSigmaError = sqrt(v[2, 2]), logLikelihood = f$loglik[2])
    })
  }
  out
}

tests_of <- function(samples) {
  data <- do.call(rbind, lapply(seq_along(samples), function(i) cbind(frame_of(samples[[i]]), group = i)))
  if (length(unique(data$group)) < 2 || sum(data$status) == 0) return(NULL)
  one <- function(formula, rho) {
    d <- survdiff(formula, data = data, rho = rho)
    sum_rows <- function(x) if (is.matrix(x)) rowSums(x) else x
    list(chiSquare = d$chisq, pValue = pchisq(d$chisq, length(d$n) - 1, lower.tail = FALSE),
      observed = sum_rows(d$obs), expected = sum_rows(d$exp), covariance = d$var)
  }
  out <- list(logRank = one(Surv(time, status) ~ group, 0), rho1 = one(Surv(time, status) ~ group, 1),
    rhoHalf = one(Surv(time, status) ~ group, 0.5))
  if (!is.null(data$stratum)) {
    data <- data[!is.na(data$stratum), ]
    out$stratified <- one(Surv(time, status) ~ group + strata(stratum), 0)
  }
  out
}

result <- lapply(sets, function(set) {
  out <- list(curves = lapply(set$samples, curve_of))
  if (is.null(set$samples[[1]]$entry)) out$tests <- tests_of(set$samples)
  out
})
result$version <- paste("R", getRversion(), "survival", packageVersion("survival"))
writeLines(toJSON(result, digits = I(17), auto_unbox = TRUE, na = "null", null = "null"), file.path(folder, "r-survival.json"))
