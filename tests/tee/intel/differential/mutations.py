# SPDX-License-Identifier: Apache-2.0
"""What can be done to a quote and its collateral. Each function is one mutation, named as a trait of the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives.hashes import SHA256

from tests.tee.intel.differential.drafts import STRANGER, VENDOR, Draft
from ttee.testing import intel, x509
from ttee.testing.intel import NOW, svn_level

Mutation = Callable[[Draft], None]
MUTATIONS: dict[str, Mutation] = {}
DAY = timedelta(days=1)
STATUSES = (
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
)


def mutation(function: Mutation) -> Mutation:
    MUTATIONS[function.__name__.replace("_", "-")] = function
    return function


# --- levels and statuses --------------------------------------------------------------------------


@mutation
def platform_status(draft: Draft) -> None:
    level = draft.random.choice(draft.tcb_info["tcbLevels"])
    level["tcbStatus"] = draft.random.choice(STATUSES)
    level["advisoryIDs"] = [
        f"INTEL-SA-{draft.random.randrange(1000):05}" for _ in range(draft.random.randrange(4))
    ]


@mutation
def older_platform(draft: Draft) -> None:
    place = draft.random.randrange(16)
    components = bytearray(draft.machine.components)
    components[place] = max(components[place] - draft.random.choice([1, 2]), 0)
    svns = bytes(components)
    draft.machine = evolve(
        draft.machine,
        components=svns,
        cpu_svn=svns,
        pce_svn=draft.machine.pce_svn - draft.random.randrange(3),
    )


@mutation
def qe_svn(draft: Draft) -> None:
    draft.qe_report["isv_svn"] = draft.random.randrange(8)


@mutation
def qe_status(draft: Draft) -> None:
    draft.random.choice(draft.qe_identity["tcbLevels"])["tcbStatus"] = draft.random.choice(STATUSES)


@mutation
def qe_configuration(draft: Draft) -> None:
    draft.qe_identity["tcbLevels"][0]["tcbStatus"] = "ConfigurationNeeded"


@mutation
def module_svn(draft: Draft) -> None:
    if draft.tdx:
        svn = bytes(
            [draft.random.randrange(7), draft.random.choice([0, 1, 1, 1, 2]), draft.random.randrange(1, 5)]
        )
        draft.report["tee_tcb_svn"] = svn + bytes(13)


@mutation
def module_status(draft: Draft) -> None:
    if draft.tdx:
        level = draft.random.choice(draft.tcb_info["tdxModuleIdentities"][0]["tcbLevels"])
        level["tcbStatus"] = draft.random.choice(["UpToDate", "OutOfDate", "Revoked"])
        draft.report["tee_tcb_svn"] = bytes([draft.random.choice([2, 5]), 1, 3]) + bytes(13)


@mutation
def running_module(draft: Draft) -> None:
    if draft.tdx and draft.version == 5:
        draft.report["tee_tcb_svn"] = bytes([2, 1, 3]) + bytes(13)
        draft.report["tee_tcb_svn_2"] = bytes(
            [draft.random.choice([2, 5]), draft.random.choice([0, 1]), 3]
        ) + bytes(13)


@mutation
def older_module_that_runs_now(draft: Draft) -> None:
    if draft.tdx and draft.version == 5:
        draft.report["tee_tcb_svn_2"] = bytes([2, 1, 3]) + bytes(13)


@mutation
def levels_in_another_order(draft: Draft) -> None:
    draft.random.shuffle(draft.tcb_info["tcbLevels"])


@mutation
def svn_levels_in_another_order(draft: Draft) -> None:
    draft.qe_identity["tcbLevels"].reverse()
    if draft.tdx:
        draft.tcb_info["tdxModuleIdentities"][0]["tcbLevels"].reverse()


@mutation
def a_level_twice(draft: Draft) -> None:
    document = draft.random.choice([draft.tcb_info, draft.qe_identity])
    document["tcbLevels"].append(document["tcbLevels"][0])


@mutation
def components_unlike_cpu_svn(draft: Draft) -> None:
    older = bytes([4] * 8) + bytes(8)
    if draft.random.random() < 0.5:
        draft.machine = evolve(draft.machine, components=older)
    else:
        draft.machine = evolve(draft.machine, cpu_svn=older)


# --- the report -----------------------------------------------------------------------------------


@mutation
def debug(draft: Draft) -> None:
    if draft.tdx:
        draft.report["td_attributes"] = bytes([1, 0, 0, 0x10, 0, 0, 0, 0])
    else:
        draft.report["attributes"] = b"\x07" + bytes(15)


@mutation
def td_attributes(draft: Draft) -> None:
    if draft.tdx:
        bit = draft.random.randrange(64)
        draft.report["td_attributes"] = ((1 << 28) ^ (1 << bit)).to_bytes(8, "little")


@mutation
def service_td(draft: Draft) -> None:
    if draft.tdx and draft.version == 5:
        draft.report["mr_service_td"] = b"\1" * 48


@mutation
def module_signer_or_attributes(draft: Draft) -> None:
    if draft.tdx:
        name, size = draft.random.choice([("mr_signer_seam", 48), ("seam_attributes", 8)])
        draft.report[name] = b"\1" + bytes(size - 1)


@mutation
def module_mask(draft: Draft) -> None:
    if draft.tdx:
        changes = {
            "attributes": draft.random.choice(["01", "03"]) + "00" * 7,
            "attributesMask": "01" + "00" * 7,
        }
        draft.tcb_info["tdxModuleIdentities"][0].update(changes)
        draft.report["seam_attributes"] = bytes([draft.random.randrange(4)]) + bytes(7)


@mutation
def no_later_modules(draft: Draft) -> None:
    if draft.tdx:
        del draft.tcb_info["tdxModuleIdentities"]


# --- the quote's bytes ----------------------------------------------------------------------------


@mutation
def a_bit_anywhere(draft: Draft) -> None:
    draft.edits.append((draft.random.randrange(1100), 1 << draft.random.randrange(8)))


@mutation
def a_bit_of_the_chain(draft: Draft) -> None:
    draft.edits.append((-draft.random.randrange(2, 2000), 1 << draft.random.randrange(7)))


@mutation
def zeros_behind(draft: Draft) -> None:
    draft.tail = bytes(draft.random.randrange(1, 100))


@mutation
def bytes_behind(draft: Draft) -> None:
    draft.tail = b"\0" * draft.random.randrange(3) + b"tail"


@mutation
def cut(draft: Draft) -> None:
    draft.cut = draft.random.randrange(2500)


@mutation
def sgx_of_a_later_version(draft: Draft) -> None:
    if not draft.tdx:
        draft.version = draft.random.choice([4, 5])


# --- the quoting enclave --------------------------------------------------------------------------


@mutation
def authentication_data_of_another_size(draft: Draft) -> None:
    draft.auth = bytes(draft.random.choice([0, 1, 31, 33, 64]))


@mutation
def second_half_of_the_report_data(draft: Draft) -> None:
    report = draft.machine.qe_report(draft.auth)
    draft.qe_report["report_data"] = report.report_data[:32] + b"\1" * 32


@mutation
def another_enclave(draft: Draft) -> None:
    name, value = draft.random.choice(
        [
            ("mr_signer", bytes(32)),
            ("isv_prod_id", 9),
            ("misc_select", b"\1\0\0\0"),
            ("attributes", b"\x13" + bytes(15)),
            ("attributes", b"\x31" + bytes(15)),
            ("report_data", bytes(64)),
        ]
    )
    draft.qe_report[name] = value


@mutation
def identity_beside_its_mask(draft: Draft) -> None:
    draft.qe_identity["attributes"] = "15000000000000000000000000000000"


@mutation
def identity_mask(draft: Draft) -> None:
    draft.qe_identity["miscselectMask"] = "000000FF"
    draft.qe_report["misc_select"] = draft.random.choice([b"\1\2\3\0", b"\0\0\0\1"])


# --- certificates ---------------------------------------------------------------------------------


def any_certificate(draft: Draft) -> dict[str, Any]:
    return draft.random.choice([draft.leaf, draft.authority, draft.signer])


@mutation
def certificate_out_of_time(draft: Draft) -> None:
    faults = any_certificate(draft)
    faults.update(draft.random.choice([{"begin": NOW + DAY}, {"end": NOW - DAY}]))


@mutation
def root_out_of_time(draft: Draft) -> None:
    draft.root.update(draft.random.choice([{"begin": NOW + DAY}, {"end": NOW - DAY}]))


@mutation
def certificate_of_a_stranger(draft: Draft) -> None:
    any_certificate(draft)["signer"] = x509.ecdsa(STRANGER.keys["root"], SHA256())


@mutation
def certificate_with_another_issuer(draft: Draft) -> None:
    any_certificate(draft)["issuer"] = intel.name("Somebody Else")


@mutation
def certificate_with_another_hash(draft: Draft) -> None:
    faults, role = draft.random.choice([(draft.leaf, draft.machine.kind), (draft.signer, "root")])
    faults["signer"] = x509.ecdsa(VENDOR.keys[role])


@mutation
def certificate_by_another_name(draft: Draft) -> None:
    draft.random.choice([draft.leaf, draft.signer])["subject"] = intel.name("Somebody Else")


@mutation
def leaf_that_is_an_authority(draft: Draft) -> None:
    draft.leaf["extensions"] = (
        x509.basic_constraints(ca=True),
        x509.key_usage(0, 1),
        draft.machine.extension(),
    )


@mutation
def authority_that_is_none(draft: Draft) -> None:
    draft.authority["extensions"] = (x509.basic_constraints(ca=False), x509.key_usage(5, 6))


@mutation
def keys_for_another_use(draft: Draft) -> None:
    faults, constraints, usage = draft.random.choice(
        [
            (draft.leaf, x509.basic_constraints(ca=False), x509.key_usage(5)),
            (draft.authority, x509.basic_constraints(ca=True, path_length=0), x509.key_usage(0, 6)),
            (draft.signer, x509.basic_constraints(ca=False), x509.key_usage(5)),
        ]
    )
    more = (draft.machine.extension(),) if faults is draft.leaf else ()
    faults["extensions"] = (constraints, usage, *more)


@mutation
def authority_that_may_not_sign_lists(draft: Draft) -> None:
    draft.authority["extensions"] = (x509.basic_constraints(ca=True, path_length=0), x509.key_usage(5))


@mutation
def unknown_critical_extension(draft: Draft) -> None:
    odd = x509.extension("1.2.3.4", b"\5\0", critical=True)
    draft.leaf["extensions"] = (
        x509.basic_constraints(ca=False),
        x509.key_usage(0),
        draft.machine.extension(),
        odd,
    )


@mutation
def leaf_of_no_platform(draft: Draft) -> None:
    draft.leaf["extensions"] = (x509.basic_constraints(ca=False), x509.key_usage(0))


@mutation
def chain_of_another_shape(draft: Draft) -> None:
    draft.chain = draft.random.choice(
        [
            ["leaf", "authority"],
            ["leaf", "authority", "root", "root"],
            ["leaf", "root", "authority"],
            ["leaf", "authority", "stranger"],
            ["leaf"],
            ["authority", "leaf", "root"],
        ]
    )


# --- certification data ---------------------------------------------------------------------------


@mutation
def no_chain_in_the_quote(draft: Draft) -> None:
    draft.certification = (draft.random.choice([2, 3, 7]), bytes(100))
    if draft.random.random() < 0.7:
        draft.collateral["pck_certificate_chain"] = draft.machine.chain().decode()


@mutation
def plain_ppid(draft: Draft) -> None:
    draft.certification = (1, draft.random.choice([draft.machine.ppid, bytes(16)]) + bytes(20))
    draft.collateral["pck_certificate_chain"] = draft.machine.chain().decode()


@mutation
def leaf_alone_in_the_quote(draft: Draft) -> None:
    draft.certification = (4, x509.pem(draft.machine.pck()))


@mutation
def another_chain_beside_the_quotes(draft: Draft) -> None:
    draft.collateral["pck_certificate_chain"] = STRANGER.machine(draft.machine.tee).chain().decode()


# --- revocation -----------------------------------------------------------------------------------


@mutation
def revoked(draft: Draft) -> None:
    which = draft.random.choice(["leaf", "authority", "signer", "root", "nobody"])
    if which in {"leaf", "nobody"}:
        draft.pck_crl["revoked"] = {draft.machine.serial + (which == "nobody"): NOW - DAY}
    else:
        serial = {"authority": 2 if draft.machine.kind == "platform" else 3, "signer": 4, "root": 1}[which]
        draft.root_crl["revoked"] = {serial: NOW - DAY}


def any_list(draft: Draft) -> dict[str, Any]:
    return draft.random.choice([draft.root_crl, draft.pck_crl])


@mutation
def list_out_of_date(draft: Draft) -> None:
    any_list(draft)["end"] = NOW - DAY


@mutation
def list_of_the_future(draft: Draft) -> None:
    any_list(draft)["begin"] = NOW + DAY


@mutation
def list_of_another_issuer(draft: Draft) -> None:
    any_list(draft)["issuer"] = intel.name("Somebody Else")


@mutation
def list_signed_by_another(draft: Draft) -> None:
    any_list(draft)["signer"] = x509.ecdsa(STRANGER.keys["root"], SHA256())


@mutation
def list_that_is_none(draft: Draft) -> None:
    draft.collateral[draft.random.choice(["root_ca_crl", "pck_crl"])] = draft.random.choice(
        ["", "3000", "abcd"]
    )


# --- the documents --------------------------------------------------------------------------------


def any_document(draft: Draft) -> tuple[str, dict[str, Any]]:
    return draft.random.choice([("tcb_info", draft.tcb_info), ("qe_identity", draft.qe_identity)])


@mutation
def document_out_of_time(draft: Draft) -> None:
    _, document = any_document(draft)
    changes = draft.random.choice(
        [{"issueDate": "2026-01-02T00:00:00Z"}, {"nextUpdate": "2025-12-31T00:00:00Z"}]
    )
    document.update(changes)


@mutation
def document_with_offsets_in_times(draft: Draft) -> None:
    _, document = any_document(draft)
    document["nextUpdate"] = document["nextUpdate"].replace("Z", "+00:00")


@mutation
def document_edited(draft: Draft) -> None:
    name, document = any_document(draft)
    draft.collateral[name] = json.dumps({**document, "tcbEvaluationDataNumber": 99}, separators=(",", ":"))


@mutation
def document_of_the_other_tee(draft: Draft) -> None:
    draft.qe_identity["id"] = draft.random.choice(["QE", "TD_QE", "QVE"])


@mutation
def another_platform(draft: Draft) -> None:
    draft.tcb_info["fmspc"] = "00806F050000"


@mutation
def another_pce(draft: Draft) -> None:
    draft.tcb_info["pceId"] = "0001"


@mutation
def another_tcb_type(draft: Draft) -> None:
    draft.tcb_info["tcbType"] = 1


@mutation
def document_of_another_version(draft: Draft) -> None:
    _, document = any_document(draft)
    document["version"] = draft.random.choice([1, 2, 3, 4])


@mutation
def tcb_info_version_2(draft: Draft) -> None:
    if draft.tdx:
        return
    draft.tcb_info["version"] = 2
    del draft.tcb_info["id"]
    for level in draft.tcb_info["tcbLevels"]:
        components = level["tcb"].pop("sgxtcbcomponents")
        level["tcb"] |= {f"sgxtcbcomp{i:02}svn": each["svn"] for i, each in enumerate(components, 1)}


@mutation
def modules_in_sgx_info(draft: Draft) -> None:
    if not draft.tdx:
        draft.tcb_info["tdxModule"] = intel.module()


@mutation
def components_of_another_number(draft: Draft) -> None:
    level = draft.random.choice(draft.tcb_info["tcbLevels"])
    level["tcb"]["sgxtcbcomponents"] = level["tcb"]["sgxtcbcomponents"][: draft.random.choice([0, 15])]


@mutation
def a_key_twice(draft: Draft) -> None:
    name, _ = any_document(draft)
    known = draft.random.choice([True, False])
    draft.texts[name] = ('{"id"', '{"id":"X","id"') if known else ('{"id"', '{"odd":1,"odd":2,"id"')


@mutation
def a_field_missing(draft: Draft) -> None:
    _, document = any_document(draft)
    del document[draft.random.choice(sorted(document))]


@mutation
def more_levels(draft: Draft) -> None:
    components = bytes(max(svn - 1, 0) for svn in draft.machine.components)
    for pce_svn in draft.random.sample(range(9), 3):
        status = draft.random.choice(STATUSES)
        draft.tcb_info["tcbLevels"].append(draft.machine.level(components, pce_svn, bytes(16), status))
    draft.qe_identity["tcbLevels"].append(svn_level(1, draft.random.choice(STATUSES)))
