# Writes r-quantiles.json: limits of quantiles and of their ratios and differences, by brute force over all times, with
# variances of R's survey and survival packages.
# Run: Rscript test/reference/survival/quantiles.R   (R 4.2, survey 4.1-1, survival 3.5-3, jsonlite)
suppressPackageStartupMessages({ library(survey); library(survival); library(jsonlite) })

shares <- c(0.5, 0.9, 0.99)
tail <- 0.025
all_seen <- function(d) { d$seen <- rep(TRUE, nrow(d)); d }
draw <- function(sessions, turns, cut = Inf, level = rnorm(sessions, 0, 0.4), own = rnorm(sessions * turns)) {
  session <- rep(seq_len(sessions), each = turns)
  event <- exp(level[session] + 0.4 * own)
  limit <- if (is.finite(cut)) exp(rnorm(length(event), cut, 0.5)) else rep(Inf, length(event))
  data.frame(time = signif(pmin(event, limit), 6), seen = event <= limit, session = session)
}

# Variance of S just after a time, as it is and as if rows were independent, each with its small-sample factor.
variances <- function(d, time) {
  clusters <- length(unique(d$session))
  n <- nrow(d)
  if (all(d$seen)) {
    d$beyond <- as.numeric(d$time > time)
    robust <- as.numeric(vcov(svymean(~beyond, svydesign(ids = ~session, weights = ~1, data = d))))
    s <- mean(d$beyond)
    return(list(s = s, robust = robust, plain = s * (1 - s) / (n - 1), rows = n))
  }
  f <- survfit(Surv(time, seen) ~ 1, data = d, timefix = FALSE, robust = FALSE)
  r <- survfit(Surv(time, seen) ~ 1, data = d, cluster = session, timefix = FALSE)
  k <- max(which(f$time <= time))
  s <- f$surv[k]
  greenwood <- (f$std.err[k] * s)^2
  list(s = s, robust = r$std.err[k]^2 * clusters / (clusters - 1), plain = greenwood * n / (n - 1), rows = s * (1 - s) / greenwood)
}

quantile_limits <- function(d, p, tail = 0.025) {
  q <- 1 - p
  n <- nrow(d)
  clusters <- length(unique(d$session))
  f <- survfit(Surv(time, seen) ~ 1, data = d, timefix = FALSE, robust = FALSE)
  first <- function(goal) which(f$surv <= goal + 1e-12)[1]
  at <- function(k) variances(d, f$time[max(which(f$surv[seq_len(k)] > 1e-12))])
  here <- at(first(q))
  middle <- at(first(0.5))
  effect <- max(1, here$robust / here$plain, middle$robust / middle$plain)
  shrink <- (qt(1 - tail, n - 1) / qt(1 - tail, clusters - 1))^2 / effect
  before <- c(1, f$surv[-length(f$surv)])
  # Too many beyond: the time is below all that the test allows. Too few: it is above.
  many <- pbeta(q, here$rows * shrink * f$surv, here$rows * shrink * (1 - f$surv) + 1)
  many[f$surv == 0] <- 1
  rows_at <- pmin(here$rows, f$n.risk / before) * shrink
  few <- 1 - pbeta(q, rows_at * f$surv + 1, rows_at * (1 - f$surv))
  lower <- f$time[which(many > tail)[1]]
  upper <- f$time[which(few <= tail & f$surv <= q)[1]]
  c(f$time[first(q)], lower, upper)
}

# Independent rows: the interval between order statistics, by the binomial distribution itself.
order_limits <- function(x, p) {
  x <- sort(x)
  r <- qbinom(tail, length(x), p)
  s <- qbinom(1 - tail, length(x), p) + 1
  c(x[min(which(seq_along(x) / length(x) >= p - 1e-12))], if (r >= 1) x[r] else NA, if (s <= length(x)) x[s] else NA)
}

# The test of "S_a(move(t)) = S_b(t), where their mean is 1 - p", for a captured beside modeled sample.
contrast_limits <- function(a, b, p, paired, ratio) {
  if (!paired) a$session <- a$session + max(b$session)
  ids <- sort(unique(c(a$session, b$session)))
  clusters <- length(ids)
  there <- function(t, by) if (ratio) t * by else t + by
  back <- function(t, by) if (ratio) t / by else t - by
  rejects <- function(by) {
    # All b times and moved a times, with a's own order kept exact.
    grid <- sort(unique(c(b$time, back(a$time, by))))
    eps <- 1e-9 * (1 + abs(grid))
    sa <- sapply(grid + eps, function(t) mean(back(a$time, by) > t))
    sb <- sapply(grid + eps, function(t) mean(b$time > t))
    k <- which(sa + sb <= 2 * (1 - p) + 1e-12)[1]
    t <- grid[k] + eps[k]
    u <- function(d, time, s) {
      sums <- tapply((time > t) - s, factor(d$session, ids), sum)
      sums[is.na(sums)] <- 0
      as.numeric(sums) / nrow(d)
    }
    parts <- u(a, back(a$time, by), sa[k]) - u(b, b$time, sb[k])
    squares <- sum(parts^2)
    if (squares == 0) return(sa[k] != sb[k])
    freedom <- min(clusters - 1, 2 * squares^2 / (sum(parts^4) - squares^2 / clusters))
    error <- sqrt(squares * clusters / (clusters - 1))
    2 * pt(-abs(sa[k] - sb[k]) / error, freedom) <= 2 * tail
  }
  quantile_of <- function(d) sort(d$time)[ceiling(p * nrow(d) - 1e-9)]
  estimate <- if (ratio) quantile_of(a) / quantile_of(b) else quantile_of(a) - quantile_of(b)
  ends <- if (ratio) c(min(a$time) / (2 * max(b$time)), 2 * max(a$time) / min(b$time)) else c(min(a$time) - max(b$time) - 1, max(a$time) - min(b$time) + 1)
  limit <- function(end) {
    if (!rejects(end)) return(NA)
    inside <- estimate
    for (i in 1:45) {
      middle <- if (ratio) sqrt(inside * end) else (inside + end) / 2
      if (rejects(middle)) end <- middle else inside <- middle
    }
    end
  }
  limits <- c(limit(ends[1]), limit(ends[2]))
  at_gap <- function(d) {
    d <- all_seen(d)
    ids <- length(unique(d$session))
    error <- sqrt(max(variances(d, quantile_of(d))$robust, p * (1 - p) / nrow(d)))
    reach <- qt(1 - tail, ids - 1) * error
    x <- sort(unique(d$time))
    s <- sapply(x, function(t) mean(d$time > t))
    first <- which(s < 1 - p + reach)[1]
    last <- which(s <= 1 - p - reach)[1]
    if (is.na(last)) last <- length(x)
    span <- if (ratio) log(x[first:last]) else x[first:last]
    length(span) > 1 && max(diff(span)) > (span[length(span)] - span[1]) / 2
  }
  if (at_gap(a) || at_gap(b)) {
    qa <- quantile_limits(all_seen(a), p, tail / 2)
    qb <- quantile_limits(all_seen(b), p, tail / 2)
    apart <- if (ratio) c(qa[2] / qb[3], qa[3] / qb[2]) else c(qa[2] - qb[3], qa[3] - qb[2])
    limits <- c(min(limits[1], apart[1]), max(limits[2], apart[2]))
  }
  c(estimate, limits)
}

# What each session adds to a restricted mean: the infinitesimal jackknife residuals of survival.
area_parts <- function(d, horizon) {
  # resid reads the data again, where the formula was made.
  assign("turns", d, globalenv())
  f <- survfit(Surv(time, seen) ~ 1, data = turns, cluster = session, timefix = FALSE)
  tapply(as.numeric(resid(f, times = horizon, type = "auc")), turns$session, sum)
}
mean_limits <- function(a, b, horizon, paired) {
  area <- function(d) mean(pmin(d$time, horizon))
  pa <- area_parts(a, horizon)
  pb <- area_parts(b, horizon)
  parts <- if (paired) pa - pb else c(pa, pb)
  clusters <- length(parts)
  error <- sqrt(sum(parts^2) * clusters / (clusters - 1))
  estimate <- area(a) - area(b)
  estimate + c(0, -1, 1) * qt(1 - tail, clusters - 1) * error
}

set.seed(20)
one <- list(draw(20, 4), draw(64, 4), draw(150, 8), draw(64, 4, 1), draw(150, 8, 1.6), draw(400, 1))
samples <- lapply(one, function(d) list(times = d$time, observed = d$seen, clusters = d$session,
  limits = lapply(shares, function(p) I(quantile_limits(d, p)))))
alone <- lapply(c(30, 100, 400), function(n) {
  x <- signif(rexp(n), 6)
  list(times = x, limits = lapply(shares, function(p) I(order_limits(x, p))))
})
pairs <- lapply(list(c(20, 4, 0), c(64, 4, 0), c(150, 8, 0), c(60, 10, 0.1), c(10, 12, 0), c(11, 30, 0), c(12, 20, 0), c(13, 16, 0)), function(shape) {
  rows <- shape[1] * shape[2]
  level <- rnorm(shape[1], 0, 0.4)
  own <- rnorm(rows)
  a <- draw(shape[1], shape[2], level = level, own = sqrt(0.5) * own + sqrt(0.5) * rnorm(rows))
  b <- draw(shape[1], shape[2], level = level, own = own)
  # Two modes far apart, the slow one with about a tenth of the rows: p90 lies at the gap.
  slow <- runif(rows) < shape[3]
  a$time[slow] <- 400 * a$time[slow]
  b$time[slow] <- 400 * b$time[slow]
  of <- function(paired, ratio) lapply(shares, function(p) I(contrast_limits(a, b, p, paired, ratio)))
  list(a = list(times = a$time, clusters = a$session), b = list(times = b$time, clusters = b$session),
    pairedRatio = of(TRUE, TRUE), ratio = of(FALSE, TRUE), pairedDifference = of(TRUE, FALSE),
    pairedMean = I(mean_limits(a, b, 1.5, TRUE)), mean = I(mean_limits(a, b, 1.5, FALSE)))
})
means <- lapply(list(draw(20, 4), draw(64, 4, 1)), function(d) {
  horizon <- 1.5
  list(times = d$time, observed = d$seen, clusters = d$session, horizon = horizon, error = sqrt(sum(area_parts(d, horizon)^2)))
})
out <- list(shares = shares, samples = samples, alone = alone, pairs = pairs, means = means,
  one = I(as.numeric(unlist(quantile(survfit(Surv(7, 1) ~ 1, conf.type = "log-log"), 0.5)))),
  version = paste("R", getRversion(), "survey", packageVersion("survey"), "survival", packageVersion("survival")))
writeLines(toJSON(out, digits = I(15), auto_unbox = TRUE, na = "null"), "test/reference/survival/r-quantiles.json")
