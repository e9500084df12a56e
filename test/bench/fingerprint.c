/* The chained 64-bit FNV-1a of the tap schema, as a C compiler does it: the yardstick of the fingerprint bench. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t fold(uint64_t h, uint64_t word, int bytes) {
  for (int b = 0; b < bytes; b++) {
    h ^= (word >> (8 * b)) & 255;
    h *= 0x100000001b3ULL;
  }
  return h;
}

int main(int argc, char **argv) {
  long count = argc > 1 ? atol(argv[1]) : 1000000;
  int rounds = argc > 2 ? atoi(argv[2]) : 5;
  uint32_t *tokens = malloc(sizeof(uint32_t) * (size_t)count);
  for (long i = 0; i < count; i++) tokens[i] = ((uint32_t)i * 2654435761u) % 150000u;
  double best = 1e9;
  uint64_t chain = 0;
  for (int r = 0; r < rounds; r++) {
    double started = seconds();
    chain = 0xcbf29ce484222325ULL;
    for (long from = 0; from + 16 <= count; from += 16) {
      uint64_t h = fold(0xcbf29ce484222325ULL, chain, 8);
      for (int i = 0; i < 16; i++) h = fold(h, tokens[from + i], 4);
      chain = h;
    }
    double took = seconds() - started;
    if (took < best) best = took;
  }
  printf("%.9f %llu\n", best, (unsigned long long)chain);
  return 0;
}
