"""Reads the newest export of the one scope below a folder, by its manifest and DuckDB, and prints [[name, color], ...].

Knows of Kollect only what its documents promise: where the manifest is, and the columns.
"""

import json
import pathlib
import sys

import duckdb

manifests = sorted(pathlib.Path(sys.argv[1]).glob("**/.kollect/**/latest.json"))
if len(manifests) != 1:
    sys.exit(f"{len(manifests)} manifests below {sys.argv[1]}")
manifest = manifests[0]
home = pathlib.Path(str(manifest).split("/.kollect/")[0])
current = json.loads(manifest.read_text())["current"]
rows = []
for file in current["files"]:
    path = str(home / file["path"])
    query = (
        "SELECT name, attr_color, json_extract_string(attributes, '$.color'), cluster, kind, exported_at::VARCHAR"
        " FROM read_parquet(?) ORDER BY name"
    )
    for name, typed, color, cluster, kind, exported_at in duckdb.execute(query, [path]).fetchall():
        if (cluster, kind) != ("e2e", "ConfigMap") or typed != color or exported_at is None:
            sys.exit(f"row {name} is not as documented: {typed} {color} {cluster} {kind} {exported_at}")
        rows.append([name, color])
if len(rows) != current["itemCount"]:
    sys.exit(f"the manifest says {current['itemCount']} rows, and there are {len(rows)}")
print(json.dumps(rows))
