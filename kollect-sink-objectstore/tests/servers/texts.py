"""Reads one document by its name's endings, with no code of ours, and prints its items as JSON."""

import csv
import gzip
import io
import json
import sys

import yaml
import zstandard

path = sys.argv[1]
csv.field_size_limit(1 << 30)
IDENTITY = ["target_namespace", "target_name", "namespace", "name", "group", "version", "kind", "uid"]


def contents():
    with open(path, "rb") as file:
        if path.endswith(".gz"):
            return gzip.decompress(file.read()).decode()
        if path.endswith(".zst"):
            return zstandard.ZstdDecompressor().stream_reader(file).read().decode()
        return file.read().decode()


def from_columns(row):
    names = {"target_namespace": "targetNamespace", "target_name": "targetName"}
    item = {names.get(name, name): row[name] for name in IDENTITY}
    if not item["group"]:
        del item["group"]
    item["attributes"] = json.loads(row["attributes"])
    return item


found = {}
if path.endswith(".parquet"):
    import duckdb
    import pyarrow.parquet as pq

    columns = IDENTITY + ["attributes"]
    quoted = ", ".join(f'"{column}"' for column in columns)
    rows = duckdb.execute(f"SELECT {quoted} FROM '{path}'").fetchall()
    found["items"] = [from_columns(dict(zip(columns, row))) for row in rows]
    found["replicas"] = int(duckdb.execute(f"SELECT sum(attr_replicas) FROM '{path}'").fetchall()[0][0] or 0)
    group = pq.ParquetFile(path).metadata.row_group(0)
    found["codec"] = group.column(0).compression
else:
    text = contents()
    name = path.removesuffix(".gz").removesuffix(".zst")
    if name.endswith(".csv"):
        assert "\r\n" in text
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        found["items"] = [from_columns(row) for row in rows]
        if rows and "attr_replicas" in rows[0]:
            found["replicas"] = sum(int(row["attr_replicas"] or 0) for row in rows)
    elif name.endswith(".ndjson"):
        found["items"] = [json.loads(line) for line in text.split("\n") if line]
    else:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document = yaml.load(text, Loader=loader) if name.endswith(".yaml") else json.loads(text)
        found["items"] = document.pop("items")
        found["envelope"] = document
json.dump(found, sys.stdout)
