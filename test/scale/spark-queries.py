"""Answers SQL over Parquet files on a Spark cluster: spark-queries.py MASTER PARQUET < JSON list of queries > JSON list of rows."""

import decimal
import json
import sys

from pyspark.sql import SparkSession


def plain(value):
    """Exact integers as numbers where a double holds them, else as digits: as prefixlab sql prints them."""
    if isinstance(value, decimal.Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value


def main():
    master, parquet = sys.argv[1:]
    spark = (
        SparkSession.builder.master(master)
        .appName("prefixlab")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.executor.memory", "512m")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    spark.read.parquet(parquet).createOrReplaceTempView("requests")
    answers = [
        [[plain(value) for value in row] for row in spark.sql(query).collect()] for query in json.load(sys.stdin)
    ]
    # The master and its workers have one executor each: two of them have worked.
    hosts = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
    print(json.dumps({"executors": hosts, "answers": answers}))
    spark.stop()


main()
