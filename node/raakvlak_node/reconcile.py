"""After a restore: what the store believes and what the index holds are compared, and a person decides.

A restored store has forgotten what was published and withdrawn after the backup. Rows at the index that it does not
know are withdrawn (their cases are imported and published again); rows that it believes in and the index lacks are
published again; matches are taken over from the index; and letters go on with higher numbers than any written before.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from raakvlak_node.desk import Desk
from raakvlak_node.node import STORE, VAULT_KEY, Node, identity_of, lock_of, read_settings
from raakvlak_node.promises import Promises
from raakvlak_node.publish import CHUNK_ITEMS, Publisher
from raakvlak_node.receive import ANY_NUMBER
from raakvlak_node.store import Store
from raakvlak_node.vault import Vault
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party import membership
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.party.serving import only_one
from raakvlak_protocol.v1 import index_pb2 as pb


def restore(folder: Path, backup: Path, *, replace: bool) -> None:
    """Puts a backup in the store's place and marks it as to be reconciled. Refuses a backup that does not open."""
    target = folder / STORE
    with only_one(folder / "serve.lock", "serve"), only_one(folder / "sync.lock", "sync"):
        if target.exists() and not replace:
            raise Refused(f"{target} exists: --replace puts the backup in its place, and what it holds is lost")
        fresh = target.with_name(STORE + ".new")
        shutil.copyfile(backup, fresh)
        fresh.chmod(0o600)
        try:
            _mark(fresh, Folder(folder))
        except BaseException:
            for leftover in ("", "-wal", "-shm"):
                fresh.with_name(fresh.name + leftover).unlink(missing_ok=True)
            raise
        for leftover in ("-wal", "-shm"):
            target.with_name(STORE + leftover).unlink(missing_ok=True)
        fresh.replace(target)


def _mark(path: Path, folder: Folder) -> None:
    settings = read_settings(folder)
    secrets = membership.secrets_of(folder, identity_of(settings.covenant, settings.id), lock_of(settings))
    store = Store(path, Vault(secrets[VAULT_KEY], os.urandom))
    try:
        store.prove_vault()
        with store.transaction():
            store.set_remark("reconcile", f"restored from a backup on {time.strftime('%Y-%m-%d', time.gmtime())}")
        store.fold()
    finally:
        store.close()


def reconcile(node: Node, publisher: Publisher, *, dry_run: bool) -> dict[str, Any]:
    """Compares and, unless `dry_run`, makes the store and the index agree; returns counts."""
    store = node.store
    try:
        publisher.open()
    except Refused:
        if not store.remark("reconcile"):
            raise
    held = _inventory(node, publisher)
    believed = {reference: (person, epoch) for person, epoch, reference in store.references()}
    unknown = {reference: row.epoch for reference, row in held.items() if reference not in believed}
    lost = [reference for reference in believed if reference not in held]
    promises, desk = Promises(store), Desk(store)
    found: dict[str, Any] = {
        "dry_run": dry_run,
        "rows_at_the_index": len(held),
        "unknown_here_to_withdraw": len(unknown),
        "lost_there_to_publish_again": len(lost),
        "receipts_of_lost_writes_to_drop": promises.count_after(publisher.last_sequence),
    }
    if dry_run:
        return found
    with store.transaction():
        store.drop_write()
        store.set_number("last_sequence", publisher.last_sequence)
        for reference in lost:
            store.forget_reference(reference)
        for reference in believed.keys() & held.keys():
            # A row may have been released, kept back or renewed since the backup.
            store.take_row(reference, held[reference].removal_month, held[reference].visibility)
        # An index that was restored has lost these writes with their entries, and gives their numbers and positions anew.
        promises.drop_after(publisher.last_sequence)
        # Rows may have been withdrawn and published again since the backup, and so stand elsewhere in the log. The
        # checkpoint trusted then is older than the last one: it is followed to now.
        promises.prove_again(int(node.clock().timestamp()))
        # Whatever waits at the index comes again; applying an event twice changes nothing.
        store.set_number("last_event", 0)
        store.set_number("acknowledged", 0)
        store.set_remark(ANY_NUMBER, "yes")
        # Above every number of before, however often this backup is restored: seconds pass, and letters are fewer.
        store.begin_letters_again(int(node.clock().timestamp()))
        desk.begin_all_again(int(node.clock().timestamp()))
    for epoch in sorted(set(unknown.values())):
        references = [reference for reference, each in unknown.items() if each == epoch]
        for place in range(0, len(references), CHUNK_ITEMS):
            publisher.withdraw(references[place : place + CHUNK_ITEMS], epoch)
    found["matches"] = node.replay(publisher)
    node.correspondence().ask_all_again()
    # Last: broken off before this, it is to be done again.
    store.set_remark("reconcile", "")
    return found


def publish_again_what_was_lost(node: Node, publisher: Publisher) -> int:
    """After a long silence: the index removes the rows of a member that does not show itself. What it lacks is published
    anew at this walk; returns how many rows that is."""
    held = _inventory(node, publisher)
    lost = [reference for _, _, reference in node.store.references() if reference not in held]
    with node.store.transaction():
        for reference in lost:
            node.store.forget_reference(reference)
    return len(lost)


def _inventory(node: Node, publisher: Publisher) -> dict[bytes, pb.InventoryRow]:
    """Own live rows at the index, by their references."""
    request = pb.InventoryRequest(covenant_hash=node.covenant.hash)
    return {row.reference: row for batch in publisher.stream("Inventory", request, pb.InventoryBatch) for row in batch.rows}
