"""Runs the queries of docs/fleet.md over the data sets below a folder, with the engine that the file `engine` in it names."""

import json
import os
import re
import sys
import time
from datetime import timezone
from functools import reduce
from glob import glob
from pathlib import Path

os.environ["TZ"] = "UTC"
time.tzset()
root = Path(sys.argv[1])
engine = (root / "engine").read_text()
queries = re.findall(r"```sql\n(.*?)```", Path("docs/fleet.md").read_text(), re.S)


def told(value):
    if hasattr(value, "isoformat"):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


if engine == "duckdb":
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table in ["changes", "exceptions", "population"]:
        connection.execute(
            f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{root}/shards/*/dataset/{table}/**/*.parquet', "
            "hive_partitioning = true, hive_types = {'repository': VARCHAR, 'month': VARCHAR})"
        )

    def run(query):
        return connection.execute(query).fetchall()

else:
    from pyspark.sql import DataFrame, SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    }
    builder = SparkSession.builder.master("local[1]")
    spark = reduce(lambda builder, one: builder.config(*one), settings.items(), builder).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    for table in ["changes", "exceptions", "population"]:
        found = [spark.read.parquet(folder) for folder in sorted(glob(f"{root}/shards/*/dataset/{table}"))]
        reduce(DataFrame.unionByName, found).createOrReplaceTempView(table)

    def run(query):
        return [tuple(row) for row in spark.sql(query).collect()]


answers = [[[told(value) for value in row] for row in run(query)] for query in queries]
counts = {
    table: run(f"SELECT count(*), count(DISTINCT repository) FROM {table}")[0] for table in ["exceptions", "population"]
}
print(json.dumps({"answers": answers, "counts": counts}))
