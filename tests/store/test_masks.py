import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.store.masks import is_secret_key, mask_payloads, mask_secrets


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (b"-object secret,id=s0,data=hunter2,format=raw", b"-object secret,id=s0,data=***,format=raw"),
        (b"-object\0secret,id=s0,data=hunter 2,,x\0-m\0", b"-object\0secret,id=s0,data=***\0-m\0"),
        (b"-vnc 127.0.0.1:1,password=on", b"-vnc 127.0.0.1:1,password=on"),
        (b"-spice port=5900,password=hunter2,tls=on", b"-spice port=5900,password=***,tls=on"),
        (b"-spice\0password=hunter 2\0-m", b"-spice\0password=***\0-m"),
        (b"--token hunter2 --x", b"--token *** --x"),
        (b"password: 'hunter 2' next", b"password: '***' next"),
        (b'{"execute":"set_password","password":"hunter\\"2"}', b'{"execute":"set_password","password":"***"}'),
        (b'"text":"{\\"password\\": \\"hunter2\\"}"', b'"text":"{\\"password\\": \\"***\\"}"'),
        (
            b'-object {"qom-type":"secret","id":"m","data":"aHVudGVy","iv":"x"}',
            b'-object {"qom-type":"secret","id":"m","data":"***","iv":"x"}',
        ),
        (b'-object {"data": "aHVudGVy", "qom-type": "secret"}', b'-object {"data": "***", "qom-type": "secret"}'),
        (b"nbd://ann:hunter2@nas/x", b"nbd://***@nas/x"),
        (b"rbd:p/i:id=a:key=AQBhunter2hunter2hunter2==:x=1", b"rbd:p/i:id=a:key=***"),
        (b"-fw_cfg name=opt/com.coreos/config,string=hunter2", b"-fw_cfg name=opt/com.coreos/config,string=***"),
        (b"-smbios type=11,value=hunter2", b"-smbios type=11,value=***"),
        (b"-device scsi-hd,serial=hunter2,id=a", b"-device scsi-hd,serial=***,id=a"),
        (b"Authorization: Bearer hunter2hunter2", b"Authorization: Bearer ***"),
        (b"PVEAPIToken=root@pam!x=hunter2 y", b"PVEAPIToken=*** y"),
        (b"a\n-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nb", b"a\n***\n\n\nb"),
        (b"eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF2", b"***"),
        (b"nothing to hide: -m 4096 -smp 4,sockets=1", b"nothing to hide: -m 4096 -smp 4,sockets=1"),
        (b"password:\nnext line", b"password:\nnext line"),
    ],
)
def test_secrets_are_masked(text: bytes, masked: bytes) -> None:
    assert mask_secrets(text).startswith(masked)
    assert b"hunter2" not in mask_secrets(text)


@given(st.text(alphabet="ab,=\"'\\ \n\0{}:passwordsecret-object", max_size=200))
def test_lines_and_arguments_keep_their_numbers(text: str) -> None:
    data = text.encode()
    masked = mask_secrets(data)
    assert (masked.count(b"\n"), masked.count(b"\0")) == (data.count(b"\n"), data.count(b"\0"))


@pytest.mark.parametrize(
    "key", ["password", "Passwd", "vnc-password", "secret", "api_key", "accessToken", "set-cookie"]
)
def test_keys_of_secrets(key: str) -> None:
    assert is_secret_key(key)


@pytest.mark.parametrize("key", ["keyid", "id", "data", "passes", "return", "keyboard", "compass"])
def test_keys_of_other_things(key: str) -> None:
    assert not is_secret_key(key)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (rb'read(17, "\16\0\0\0\0\0\0\0\376\377\377\377\0\0", 128) = 128', None),
        (rb'write(8, "\1\0\0\0\0\0\0\0", 8) = 8', None),
        (rb'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3', None),
        (rb'[pid 7] write(1, "my password is\n", 15) = 15', rb'[pid 7] write(1, "xxxxxxxxxxxxxx\n", 15) = 15'),
        (rb'pread64(9<disk>, "EFI PART\0\0"..., 8) = 8', rb'pread64(9<disk>, "xxxxxxxx\0\0"..., 8) = 8'),
        (rb'<... read resumed>"hunter2", 7) = 7', rb'<... read resumed>"xxxxxxx", 7) = 7'),
        (rb'sendto(5, "\x68\x75\x6e\x74\x65\x72", 6) = 6', rb'sendto(5, "xxxxxx", 6) = 6'),
        (rb'writev(5, [{iov_base="a\"bcd", iov_len=5}], 1) = 5', rb'writev(5, [{iov_base="xxxxx", iov_len=5}], 1) = 5'),
    ],
)
def test_payloads_of_a_trace_are_masked_and_numbers_stay(line: bytes, masked: bytes | None) -> None:
    assert mask_payloads(line) == (masked or line)


@pytest.mark.parametrize(
    "text", [b"a" * 200_000, b'"' * 200_000, b"password" * 25_000, b"{" * 100_000, b"\\" * 100_000, b"-" * 100_000]
)
def test_no_text_takes_for_ever(text: bytes) -> None:
    begin = time.process_time()
    mask_payloads(b'read(1, "' + text)
    mask_secrets(text)
    assert time.process_time() - begin < 20
