# Writes datasets.json: the data on which lib/survival is held against R's survival and lifelines.
# Run: Rscript test/reference/survival/make-datasets.R   (R 4.2, survival 3.5, jsonlite)
# Textbook sets are typed in, or taken from the survival package, which names the same sources.
library(survival)
library(jsonlite)

sample_of <- function(times, observed, ...) list(times = times, observed = as.logical(observed), ...)
plus <- function(text) {
  tokens <- strsplit(text, " ")[[1]]
  sample_of(as.numeric(sub("\\+", "", tokens)), !grepl("\\+", tokens))
}

sets <- list()
sets$aml <- list(
  source = "Acute myelogenous leukaemia, weeks of remission with and without maintenance: Embury et al. (1977), in Miller (1981), Survival Analysis, p. 49",
  samples = list(
    plus("9 13 13+ 18 23 28+ 31 34 45+ 48 161+"),
    plus("5 5 8 8 12 16+ 23 27 30 33 43 45")))
sets$leukaemia <- list(
  source = "Acute leukaemia, weeks of remission under 6-MP and placebo: Freireich et al. (1963), in Gehan (1965), table 1",
  samples = list(
    plus("6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"),
    plus("1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23")))
by_sex <- function(sex) with(lung[lung$sex == sex, ], sample_of(time, status == 2, strata = ph.ecog))
sets$lung <- list(
  source = "NCCTG lung cancer, days, men and women: Loprinzi et al. (1994), J Clin Oncol 12, in R survival::lung",
  samples = list(by_sex(1), by_sex(2)))
kidney_of <- function(sex) with(kidney[kidney$sex == sex, ], sample_of(time, status == 1, clusters = id))
sets$kidney <- list(
  source = "Catheter infections, two times a patient, men and women: McGilchrist and Aisbett (1991), in R survival::kidney",
  samples = list(kidney_of(1), kidney_of(2)))

set.seed(20240607)
censored <- function(t, c, ...) sample_of(pmin(t, c), t <= c, ...)
random <- function(...) list(source = "random, seed 20240607", samples = list(...))
sets$ties <- random(
  censored(1 + rpois(60, 4), 1 + rpois(60, 7)), censored(1 + rpois(50, 5), 1 + rpois(50, 7)),
  censored(1 + rpois(40, 6), 1 + rpois(40, 8)))
sets$heavy_censoring <- random(
  censored(round(rexp(80, 0.05), 4), round(rexp(80, 0.25), 4)),
  censored(round(rexp(70, 0.10), 4), round(rexp(70, 0.25), 4)))
sets$single_event <- random(
  sample_of(round(runif(20, 1, 9), 3), seq_len(20) == 7), sample_of(round(runif(10, 1, 9), 3), rep(FALSE, 10)))
sets$all_censored <- random(sample_of(round(runif(15, 1, 9), 3), rep(FALSE, 15)))
sets$one_observation <- random(sample_of(4.5, TRUE))
sets$zero_times <- random(
  censored(c(0, 0, 0, round(rexp(22), 3)), c(1, 1, 1, round(rexp(22, 0.3), 3))),
  sample_of(c(0, 0, 1, 2, 3, 4), c(TRUE, FALSE, TRUE, TRUE, FALSE, TRUE)))
sets$latencies <- random(
  censored(round(rlnorm(500, 4, 0.8), 3), round(rexp(500, 0.004), 3)),
  censored(round(rweibull(400, 1.4, 80), 3), round(rexp(400, 0.004), 3)))
late <- round(runif(60, 0, 3), 3)
sets$left_truncated <- random(
  local({ t <- late + 0.001 + round(rexp(60, 0.3), 3); c <- late + 0.001 + round(rexp(60, 0.1), 3)
    censored(t, c, entry = late) }))
sets$weighted <- random(censored(1 + rpois(40, 6), 1 + rpois(40, 8), weights = rpois(40, 1.5)))

writeLines(toJSON(sets, digits = I(17), auto_unbox = FALSE, na = "null"), "test/reference/survival/datasets.json")
