"""Reads every object's file below a folder by PyYAML, and prints [[path, name, color], ...].

Knows of Kollect only what its documents promise: the fields of an item.
"""

import json
import pathlib
import sys

import yaml

root = pathlib.Path(sys.argv[1])
rows = []
for path in sorted(root.glob("**/*.yaml")):
    if ".kollect" in path.parts:
        continue
    item = yaml.safe_load(path.read_text())
    if item["kind"] != "ConfigMap" or item["targetName"] != "colors" or not item["uid"]:
        sys.exit(f"{path} is not as documented: {item}")
    rows.append([str(path.relative_to(root)), item["name"], item["attributes"]["color"]])
print(json.dumps(rows))
