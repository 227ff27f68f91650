"""Compares a table of rows with what kubectl says, by code that shares nothing with the product.

Computes from `kubectl get deployments -o json` what the profile of `many.rs` should have made of each object, reads the
rows by psql, and names every difference. Prints a summary as JSON; the exit code is 1 if there is a difference.
"""

import argparse
import json
import subprocess
import sys


def output(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


def expected(deployment):
    """The profile's attributes, worked out by hand."""
    meta, spec = deployment["metadata"], deployment["spec"]
    images = [c["image"] for c in spec["template"]["spec"]["containers"]]
    attributes = {
        "replicas": spec.get("replicas"),
        "images": images[0] if len(images) == 1 else images,
        "tier": "redundant" if spec.get("replicas", 0) > 1 else "single",
        "team": meta.get("labels", {}).get("team"),
        "checked": meta.get("annotations", {}).get("example.com/checked"),
        "limits": [c.get("resources", {}).get("limits") for c in spec["template"]["spec"]["containers"]],
    }
    version = meta.get("labels", {}).get("app.kubernetes.io/version")
    if version is not None:
        attributes["version"] = version
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "group": "apps",
        "version": "v1",
        "kind": "Deployment",
        "attributes": attributes,
    }


def main():
    parser = argparse.ArgumentParser()
    for name in ("kubectl", "kubeconfig", "dsn", "table", "cluster", "inventory", "selector"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()

    deployments = {}
    namespaces = output([args.kubectl, "--kubeconfig", args.kubeconfig, "get", "namespaces", "-l", args.selector, "-o", "name"])
    for namespace in namespaces.split():
        # By the raw path, kubectl prints the answer as it came instead of decoding and indenting it.
        path = f"/apis/apps/v1/namespaces/{namespace.removeprefix('namespace/')}/deployments"
        answer = output([args.kubectl, "--kubeconfig", args.kubeconfig, "get", "--raw", path])
        deployments.update((d["metadata"]["uid"], d) for d in json.loads(answer)["items"])

    query = (
        f"SELECT json_build_object('uid', source_uid, 'payload', payload, 'namespace', resource_namespace,"
        f" 'name', resource_name, 'kind', kind) FROM {args.table}"
        f" WHERE cluster = '{args.cluster}' AND inventory_name = '{args.inventory}'"
    )
    printed = output(["psql", "-XqAt", "-d", args.dsn, "-c", query])
    rows = [json.loads(line) for line in printed.splitlines()]

    differences = []
    seen = set()
    for row in rows:
        uid, payload = row["uid"], row["payload"]
        if uid in seen:
            differences.append(f"{uid}: stands there twice")
        seen.add(uid)
        if uid not in deployments:
            differences.append(f"{uid}: a row without an object ({row['namespace']}/{row['name']})")
            continue
        wanted = expected(deployments[uid])
        for field, value in wanted.items():
            if payload.get(field) != value:
                differences.append(f"{uid}: {field} is {payload.get(field)!r}, and should be {value!r}")
        if (row["namespace"], row["name"], row["kind"]) != (wanted["namespace"], wanted["name"], "Deployment"):
            differences.append(f"{uid}: the columns name {row['namespace']}/{row['name']}")
        if payload.get("uid") != uid:
            differences.append(f"{uid}: the payload names {payload.get('uid')}")
    for uid in deployments.keys() - seen:
        meta = deployments[uid]["metadata"]
        differences.append(f"{uid}: no row for {meta['namespace']}/{meta['name']}")

    print(json.dumps({"objects": len(deployments), "rows": len(rows), "differences": len(differences), "first": differences[:5]}))
    sys.exit(1 if differences else 0)


main()
