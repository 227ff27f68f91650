//! Rows about profiles and targets.

use crate::conditions::row::{Row, row};

pub(super) const LASTING: &[Row] = &[
    row("kollectprofile/colors", "Ready", "True", "Compiled", "2 attributes of ConfigMap (v1) compiled"),
    row(
        "kollectprofile/broken",
        "Ready",
        "False",
        "InvalidPath",
        "spec.attributes[0].path: attribute color: a bracket is not closed, before `[}`",
    ),
    row(
        "kollectprofile/whole",
        "Ready",
        "False",
        "InvalidSpec",
        "spec.export.mode: the resource: the whole of a Secret would leave the cluster; annotate the profile with kollect.dev/allow-full-resource-export: \"true\" if that is meant",
    ),
    row("kollecttarget/colors", "Ready", "True", "Collecting", "following ConfigMap (v1)"),
    row("kollecttarget/colors", "Synced", "True", "Collecting", "following ConfigMap (v1)"),
    row("kollecttarget/colors", "Degraded", "False", "Collecting", "following ConfigMap (v1)"),
    row(
        "kollecttarget/colors",
        "SinkReachable",
        "True",
        "SinksReachable",
        "an inventory exports this target",
    ),
    row("apps:kollecttarget/colors", "Ready", "True", "Collecting", "following ConfigMap (v1)"),
    row(
        "apps:kollecttarget/colors",
        "SinkReachable",
        "True",
        "NoSinksInNamespace",
        "no inventory of this namespace exports this target; rows are collected and kept in memory",
    ),
    row("kollecttarget/resting", "Ready", "False", "Suspended", "suspended; rows collected earlier stay"),
    row("kollecttarget/resting", "Synced", "False", "Suspended", "suspended; rows collected earlier stay"),
    row("kollecttarget/resting", "Degraded", "False", "Suspended", "suspended; rows collected earlier stay"),
    row(
        "kollecttarget/orphan",
        "Degraded",
        "True",
        "ProfileNotFound",
        "profile <platform>/absent does not exist; create it, or correct spec.profileRef. Rows collected earlier stay",
    ),
    row(
        "kollecttarget/orphan",
        "Ready",
        "False",
        "ProfileNotFound",
        "profile <platform>/absent does not exist; create it, or correct spec.profileRef. Rows collected earlier stay",
    ),
    row(
        "kollecttarget/orphan",
        "Synced",
        "False",
        "ProfileNotFound",
        "profile <platform>/absent does not exist; create it, or correct spec.profileRef. Rows collected earlier stay",
    ),
    row(
        "kollecttarget/misled",
        "Degraded",
        "True",
        "InvalidSpec",
        "profile <platform>/broken is not valid: spec.attributes[0].path: attribute color: a bracket is not closed, before `[}`",
    ),
    row(
        "kollecttarget/wrong",
        "Degraded",
        "True",
        "InvalidSpec",
        "spec.resourceRules[0].matchPolicy: the condition: `self` is not declared; the object is `object`",
    ),
    row(
        "kollecttarget/unserved",
        "Degraded",
        "True",
        "KindNotFound",
        "the API server does not serve Missing (absent.example.dev/v1); collection starts when it does",
    ),
    row(
        "kollecttarget/rootless",
        "Degraded",
        "True",
        "InvalidSpec",
        "objects of Namespace (v1) belong to no namespace, and a KollectTarget collects from namespaces; \
         use a KollectClusterTarget. Rows collected earlier stay",
    ),
    row(
        "kollecttarget/hung",
        "Synced",
        "False",
        "Syncing",
        "the watch of Thing (<group>/v2) is interrupted and will be resumed: <text>",
    ),
    row(
        "kollecttarget/hung",
        "Degraded",
        "False",
        "Syncing",
        "the watch of Thing (<group>/v2) is interrupted <text>",
    ),
    row(
        "kollecttarget/typed",
        "Degraded",
        "True",
        "ExtractionFailed",
        "values of 1 object could not be extracted and are null, such as of <apps>/misfit: attribute color \
         ({.data.color}): a string is no 64-bit integer. Correct the path or the type in profile typed, or the objects",
    ),
    row(
        "kollecttarget/typed",
        "Ready",
        "False",
        "ExtractionFailed",
        "values of 1 object could not be extracted and are null, such as of <apps>/misfit: attribute color ({.data.color}): a string is no 64-bit integer. Correct the path or the type in profile typed, or the objects",
    ),
    row("kollecttarget/typed", "Synced", "True", "Collecting", "following ConfigMap (v1)"),
];

/// Where the operator may see some of it only.
pub(in crate::conditions) const LIMITED: &[Row] = &[
    row(
        "kollecttarget/colors",
        "Synced",
        "True",
        "ScopeForbidden",
        "listing ConfigMap (v1) is forbidden in <other>, whose rows stay as they are; the other namespaces are collected: `list` is not granted. To grant it, add to a role's rules:\n- apiGroups: [\"\"]\n  resources: [\"configmaps\"]\n  verbs: [\"list\", \"watch\"]",
    ),
    row(
        "kollecttarget/colors",
        "Ready",
        "True",
        "ScopeForbidden",
        "listing ConfigMap (v1) is forbidden in <other>, whose rows stay as they are; the other namespaces are collected: `list` is not granted. To grant it, add to a role's rules:\n- apiGroups: [\"\"]\n  resources: [\"configmaps\"]\n  verbs: [\"list\", \"watch\"]",
    ),
    row(
        "kollecttarget/colors",
        "Degraded",
        "False",
        "ScopeForbidden",
        "listing ConfigMap (v1) is forbidden in <other>, whose rows stay as they are; the other namespaces are collected: `list` is not granted. To grant it, add to a role's rules:\n- apiGroups: [\"\"]\n  resources: [\"configmaps\"]\n  verbs: [\"list\", \"watch\"]",
    ),
    row(
        "kollecttarget/sealed",
        "Degraded",
        "True",
        "AccessDenied",
        "listing Secret (v1) is forbidden: `list` is not granted. To grant it, add to a role's rules:\n- apiGroups: [\"\"]\n  resources: [\"secrets\"]\n  verbs: [\"list\", \"watch\"]",
    ),
    row(
        "kollecttarget/sealed",
        "Synced",
        "False",
        "AccessDenied",
        "listing Secret (v1) is forbidden: `list` is not granted. To grant it, add to a role's rules:\n- apiGroups: [\"\"]\n  resources: [\"secrets\"]\n  verbs: [\"list\", \"watch\"]",
    ),
];
