"""Signed notes, keys and checkpoints against published vectors, and strictness against everything else."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.record import made
from tlog.checkpoint import Checkpoint, Malformed
from tlog.keys import (
    KeyFileUnsafe,
    Rotation,
    create_key,
    load_key,
    open_rotation,
    rotate_key,
    rotation_note,
)
from tlog.merkle import ProofFailed, inclusion_proof, leaf_hash
from tlog.notes import Kind, Note, Signature, SigningKey, Unsigned, VerifierKey, open_checkpoint, sign_checkpoint
from tlog.proof import EventProof
from tlog.tiles import TileNodes

# From c2sp.org/signed-note and from Go's sumdb/note.
C2SP_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
HARD_SPACE = "Pe\u00a0ter"
SUMDB_VKEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def head(size=5):
    return Checkpoint("example.com/log", size, bytes(range(32)))


def cosigner(name="w.example", kind=Kind.COSIGNATURE):
    return SigningKey(name, kind, made.seed(name))


def test_the_published_notes_verify():
    key = VerifierKey.parse(C2SP_VKEY)
    assert Note.parse(C2SP_NOTE).signers([key]) == {key: 0}
    signer = SigningKey.parse(GO_SKEY)
    assert str(signer.verifier) == GO_VKEY
    assert str(signer.sign(GO_TEXT)) == GO_SIGNATURE
    assert signer.secret_text() == GO_SKEY
    assert str(VerifierKey.parse(SUMDB_VKEY)) == SUMDB_VKEY


def test_a_note_is_written_as_it_was_read():
    for note in (C2SP_NOTE, f"{GO_TEXT}\n{GO_SIGNATURE}", f"a\n\nb\n\n{GO_SIGNATURE}{GO_SIGNATURE}"):
        assert str(Note.parse(note)) == str(Note.parse(note.encode())) == note
    assert Note.parse(f"a\n\nb\n\n{GO_SIGNATURE}").text == "a\n\nb\n"


@pytest.mark.parametrize(
    "note",
    [
        "", "\n", "\n\n", "text\n", "text\n\n", f"text\n{GO_SIGNATURE}", f"\n\n{GO_SIGNATURE}",
        f"t\n\n{GO_SIGNATURE[:-1]}",
        f"t\n\n{GO_SIGNATURE}\n", f"t\n\n{GO_SIGNATURE}x\n", f"t\r\n\n{GO_SIGNATURE}", f"t\0\n\n{GO_SIGNATURE}",
        f"t\n\n{GO_SIGNATURE.replace('—', '-')}", f"t\n\n{GO_SIGNATURE.replace('— ', '—  ')}",
        f"t\n\n{GO_SIGNATURE.replace('Peter', 'Pe+ter')}", f"t\n\n{GO_SIGNATURE.replace('Peter', HARD_SPACE)}",
        f"t\n\n{GO_SIGNATURE.replace('nAM=', 'nAN=')}", f"t\n\n{GO_SIGNATURE.replace('nAM=', 'nAM')}",
        "t\n\n— name x08gow==\n", f"t\ud800\n\n{GO_SIGNATURE}", b"t\xff\n\n" + GO_SIGNATURE.encode(),
        "t" * 200_000 + f"\n\n{GO_SIGNATURE}", f"t\n\n{GO_SIGNATURE * 33}",
    ],
)  # fmt: skip
def test_a_malformed_note_is_refused(note):
    with pytest.raises(Malformed):
        Note.parse(note)


def test_sixteen_signatures_are_read():
    assert len(Note.parse(f"t\n\n{GO_SIGNATURE * 16}").signatures) == 16


def test_every_mangled_key_is_refused():
    for key, parse in ((GO_VKEY, VerifierKey.parse), (GO_SKEY, SigningKey.parse)):
        for start in range(len(key)):
            for end in range(start + 1, len(key) + 1):
                if end - start < len(key):
                    with pytest.raises(Malformed):
                        parse(key[start:end])
        for at in range(len(key)):
            with pytest.raises(Malformed):
                parse(key[:at] + chr(ord(key[at]) + 1) + key[at + 1 :])
    for key in (
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
    ):
        with pytest.raises(Malformed):
            VerifierKey.parse(key)


def test_unknown_signatures_are_ignored_and_known_wrong_ones_are_not():
    first, second = made.log_key(1), made.log_key(2)
    note = sign_checkpoint(head(), [first, second], at=1)
    assert set(note.signers([first.verifier])) == {first.verifier}
    assert note.signers([made.log_key(3).verifier]) == {}
    wrong = Note(note.text, (note.signatures[0], Signature(second.name, second.verifier.id, bytes(64))))
    assert set(wrong.signers([first.verifier])) == {first.verifier}
    with pytest.raises(Unsigned):
        wrong.signers([first.verifier, second.verifier])
    same_name = Note(note.text, (*note.signatures, Signature(first.name, b"\0\0\0\0", bytes(64))))
    assert set(same_name.signers([first.verifier])) == {first.verifier}


@pytest.mark.parametrize("kind", [Kind.COSIGNATURE, Kind.COSIGNATURE_ML_DSA])
def test_a_cosignature_carries_its_time_and_its_checkpoint(kind):
    key = cosigner(kind=kind)
    note = sign_checkpoint(head(), [made.log_key(), key], at=1679315147)
    assert note.signers([key.verifier, made.log_key().verifier])[key.verifier] == 1679315147
    value = note.signatures[1].value
    for wrong in (
        Note(str(head(6)), note.signatures[1:]),
        Note(note.text, (Signature(key.name, key.verifier.id, b"\0" * 8 + value[8:]),)),
        Note(note.text, (Signature(key.name, key.verifier.id, (1679315148).to_bytes(8, "big") + value[8:]),)),
        Note(note.text, (Signature(key.name, key.verifier.id, value[:-1]),)),
    ):
        with pytest.raises(Unsigned):
            wrong.signers([key.verifier])
    assert VerifierKey.parse(str(key.verifier)) == key.verifier
    for at in (0, 2**63):
        with pytest.raises(ValueError):
            key.sign(str(head()), at=at)
    with pytest.raises(ValueError):
        made.log_key().sign("t\n", at=1)


def test_the_signed_message_of_a_cosignature_is_the_specification_s():
    key = cosigner()
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    value = key.sign(text, at=1679315147).value
    plain = SigningKey(key.name, Kind.ED25519, key.seed)
    assert value[8:] == plain.sign(f"cosignature/v1\ntime 1679315147\n{text}").value
    assert key.verifier.id != plain.verifier.id


def test_an_ml_dsa_cosignature_commits_to_the_cosigner_s_name():
    key = cosigner(kind=Kind.COSIGNATURE_ML_DSA)
    other = VerifierKey("other.example", Kind.COSIGNATURE_ML_DSA, key.verifier.public)
    value = key.sign(str(head()), at=5).value
    assert key.verifier.time_if_valid(value, str(head())) == 5
    assert other.time_if_valid(value, str(head())) is None


def test_a_checkpoint_is_written_as_it_was_read():
    for size in (0, 1, 2**63 - 1):
        assert Checkpoint.parse(str(head(size))) == head(size)
    more = Checkpoint("o", 1, bytes(32), ("extension", "another"))
    assert Checkpoint.parse(str(more)) == more


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n\n", "o\n1\n", f"o\n1\n{ROOT}", f"\n1\n{ROOT}\n", f"o\n01\n{ROOT}\n", f"o\n+1\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n1_0\n{ROOT}\n", f"o\n１\n{ROOT}\n", f"o\n9223372036854775808\n{ROOT}\n", f"o\n1\n{ROOT[:-1]}\n",
        "o\n1\n\n",
        f"o\n1\n{ROOT[:-2]}B=\n", "o\n1\nAAAA\n", f"o\n1\n{ROOT}\n\n", f"o\n1\n{ROOT}\n\nx\n", f"o\n 1\n{ROOT}\n",
    ],
)  # fmt: skip
def test_a_malformed_checkpoint_is_refused(text):
    with pytest.raises(Malformed):
        Checkpoint.parse(text)


def test_a_checkpoint_is_opened_for_its_log_only():
    note = str(sign_checkpoint(head(), [made.log_key()], at=1))
    assert open_checkpoint(note, "example.com/log", [made.log_key().verifier])[1] == head()
    for origin, key in (("other", made.log_key()), ("example.com/log", made.log_key(4))):
        with pytest.raises(Unsigned):
            open_checkpoint(note, origin, [key.verifier])


@given(st.binary(max_size=300))
def test_no_rubbish_makes_the_parser_stumble(rubbish):
    for parse in (Note.parse, lambda some: VerifierKey.parse(some.decode("latin-1")), open_rotation):
        with pytest.raises(Malformed):
            parse(rubbish)


def test_one_bit_anywhere_in_a_signed_checkpoint_is_seen():
    key = made.log_key()
    note = str(sign_checkpoint(head(), [key], at=1)).encode()
    dice = random.Random(5)
    for at in range(len(note)):
        broken = note[:at] + bytes([note[at] ^ 1 << dice.randrange(8)]) + note[at + 1 :]
        with pytest.raises((Malformed, Unsigned)):
            open_checkpoint(broken, "example.com/log", [key.verifier])


def test_a_key_file_is_its_owner_s_only(tmp_path):
    path = tmp_path / "key"
    key = create_key(path, "log.example")
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path) == key
    assert "seed" not in repr(key)
    with pytest.raises(FileExistsError):
        create_key(path, "log.example")
    path.chmod(0o640)
    with pytest.raises(KeyFileUnsafe, match="chmod 600"):
        load_key(path)
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError):
        load_key(tmp_path / "link")
    path.write_text("rubbish")
    with pytest.raises(Malformed):
        load_key(path)


def test_a_rotation_is_signed_by_both_keys_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "key"
    old = create_key(path, made.ORIGIN)
    (tmp_path / "key.coming").write_text("left over from a crash")
    new, statement = rotate_key(path, origin=made.ORIGIN, from_size=77, at=9)
    assert load_key(path) == new != old
    assert load_key(tmp_path / f"key.retired-{old.verifier.id.hex()}") == old
    rotation = open_rotation(statement.read_bytes())
    assert rotation == Rotation(made.ORIGIN, old.verifier, new.verifier, 77, 9)
    third, _ = rotate_key(path, origin=made.ORIGIN, from_size=80, at=10)
    assert load_key(path) == third
    assert not (tmp_path / "key.coming").exists()


def test_a_rotation_that_is_not_both_keys_word_is_refused():
    old, new = made.log_key(0), made.log_key(1)
    good = rotation_note(old, new, origin=made.ORIGIN, from_size=5, at=6)
    text = good.text
    for note in (
        Note(text, good.signatures[:1]),
        Note(text, good.signatures[1:]),
        Note(text.replace("from 5", "from 6"), good.signatures),
    ):
        with pytest.raises(Unsigned):
            open_rotation(str(note))
    for broken in (
        text.replace("from 5", "from 05"), text.replace("old ", "older "), text + "more\n", text.replace("v1", "v2"),
        text.replace("time 6", "time -6"), text.replace(str(new.verifier), str(old.verifier)),
        text.replace(str(new.verifier), str(cosigner().verifier)),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            Rotation.parse(broken)
    with pytest.raises(Malformed):
        Checkpoint.parse(text)


def test_a_proof_of_one_event_can_be_kept_and_checked():
    log = made.log_of(300)
    nodes = TileNodes(log.tiles, 300)
    note, keys = log.checkpoints[0], log.trust().logs
    proof = EventProof(7, tuple(inclusion_proof(nodes, 7, 300)), note)
    leaf = leaf_hash(log.events[7].encode())
    read = EventProof.parse(str(proof))
    assert read == proof
    assert EventProof.parse(str(proof).replace("\nindex", "\nextra YWI=\nindex")) == proof
    assert read.verify(leaf, made.ORIGIN, keys).size == 300
    for wrong, origin, known, error in (
        (leaf[::-1], made.ORIGIN, keys, ProofFailed),
        (leaf, "other.example", keys, Unsigned),
        (leaf, made.ORIGIN, [made.log_key(8).verifier], Unsigned),
    ):
        with pytest.raises(error):
            read.verify(wrong, origin, known)
    text = str(proof)
    for broken in ("", text.replace("@v1", "@v2"), text.replace("index 7", "index 07"), text.replace("index 7\n", ""),
                   text.replace("index", "extra !\nindex"), text.replace("\n\n", "\nAAAA\n\n", 1)):  # fmt: skip
        with pytest.raises(Malformed):
            EventProof.parse(broken)
