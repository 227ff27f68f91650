"""Reads a folder of exports as its users do, with DuckDB and pyarrow, and prints what it found as JSON."""

import json
import sys

import duckdb
import pyarrow.parquet as pq

folder, newest = sys.argv[1], sys.argv[2]
database = duckdb.connect()
database.execute("SET TimeZone = 'UTC'")


def query(text):
    return database.execute(text).fetchall()


everything = f"read_parquet('{folder}/inventory/**/*.parquet')"
rows = query(
    f"""SELECT target_namespace, target_name, namespace, name, "group", version, kind, uid, attributes
    FROM '{newest}'"""
)
names = ["targetNamespace", "targetName", "namespace", "name", "group", "version", "kind", "uid"]
items = []
for row in rows:
    item = dict(zip(names, row))
    if not item["group"]:
        del item["group"]
    item["attributes"] = json.loads(row[8])
    items.append(item)

parquet = pq.ParquetFile(newest)
group = parquet.metadata.row_group(0)
columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
kinds = [(row["kind"], row["namespace"], row["name"]) for row in parquet.read().to_pylist()]

json.dump(
    {
        "types": {row[0]: row[1] for row in query(f"DESCRIBE SELECT * FROM '{newest}'")},
        "items": items,
        "totals": query(
            f"""SELECT count(*), sum(attr_replicas), sum(attr_ratio), count_if(attr_ready), min(attr_since)::VARCHAR,
                max(attr_image), max(attr_labels->>'$.app'), sum(json_array_length(attr_ports))
            FROM '{newest}'"""
        )[0],
        "exported_at": query(f"SELECT DISTINCT exported_at::VARCHAR FROM '{newest}'"),
        "generations": query(
            f"SELECT source, ns, inventory, cluster, inventory_name, count(*), count(DISTINCT name) FROM {everything} GROUP BY ALL"
        ),
        "one": query(f"SELECT count(*) FROM '{newest}' WHERE uid = 'uid-00500'")[0][0],
        "pyarrow": {
            "rows": parquet.metadata.num_rows,
            "codec": columns["attributes"].compression,
            "sorted": kinds == sorted(kinds),
            "page_index": columns["uid"].has_column_index and columns["uid"].has_offset_index,
            "kind_bounds": [columns["kind"].statistics.min, columns["kind"].statistics.max],
            "generation": parquet.metadata.metadata[b"kollect.generation"].decode(),
            "tables": pq.read_table(f"{folder}/inventory").num_rows,
        },
    },
    sys.stdout,
)
