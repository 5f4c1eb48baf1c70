"""What ``virsh`` says in other languages, in its own English words: states of guests, why one is paused, the list of guests.

    暂停 (I/O 错误)              paused (I/O error)
    3    web01     一時停止中     3    web01     paused

Source: libvirt's translations (po/*.po), of old and new versions.
"""

import re

_STATES = {
    "running": "运行|运行中|正在运行|執行中|実行中|실행 중|laufend|läuft|ejecutando|en cours d’exécution|en cours d'exécution|in esecuzione|"
    "uruchomiona|uruchomione|executando|работает|виконання|spuštěné",
    "paused": "暂停|已暂停|暫停|已暫停|一時停止|一時停止中|중지됨|일시 정지|pausiert|en pausa|pausado|mis en pause|"
    "en pause|in pausa|wstrzymane|wstrzymana|приостановлен|призупинено|pozastaveno",
    "shut off": "关闭|已关闭|關機|シャットオフ|종료|ausgeschaltet|apagado|fermé|terminato|"
    "wyłączone|wyłączona|desligado|выключен|вимкнено|вимкнути|vypnuto",
    "crashed": "崩溃|已崩溃|當機|クラッシュ|クラッシュしました|충돌됨|abgestürzt|se colgó|a échoué|interrotto con errore|zawieszone|falhou|"
    "аварийный останов|аварійна помилка|zhavarovalo",
}
_ENGLISH = {word: state for state, words in _STATES.items() for word in words.split("|")}
_WORDS = "|".join(re.escape(word) for word in sorted(_ENGLISH, key=len, reverse=True))
_NAME = "名称|名前|名稱|이름|Nombre|Nom|Nome|Nazwa|Имя|Назва|Název|Name"
_STATE = "状态|狀態|状態|상태|Status|Estado|État|Stato|Stan|Состояние|Статус|Stav"
_REASON = re.compile(rf"(?P<state>{_WORDS}) ?[(\uff08](?P<why>[^()\uff08\uff09\n]{{1,60}})[)\uff09]$")
_ROW = re.compile(rf"(?P<row>(?:\d{{1,7}}|-) +\S{{1,200}} +)(?P<state>{_WORDS})$")
_HEAD = re.compile(rf"(?:Id|ID|Identyfikator|Identifikátor) +(?:{_NAME}) +(?:{_STATE})$")
_LABEL = re.compile(rf"(?:{_STATE})\s?[:\uff1a] +(?P<state>{_WORDS})$")
_IO = re.compile(r"I/O|\bE/S\b|\bE/A\b|ввода-вывода|вводу-виводу|wejścia/wyjścia|vstupu/výstupu")
_USER = re.compile(
    r"(?:用户|使用者|ユーザー|사용자|Benutzer|[Uu]suario|utilisateur|usuário|пользователь|користувач|uživatel)$"
)
_LONGEST = 400
# How a line of ASCII alone ends where it may be one of these.
_ENDS = (b")", *(word.encode() for word in (*_ENGLISH, *_STATE.split("|")) if word.isascii()))


def in_english(line: str) -> str:
    """The line in English where it is one of virsh's in another language; else as it is. It has no margin.

    >>> in_english("pausiert (I/O Fehler)"), in_english(" 3 web01 状態".strip())
    ('paused (I/O error)', '3 web01 状態')
    """
    if len(line) > _LONGEST:
        return line
    if found := _REASON.match(line):
        return f"{_ENGLISH[found['state']]} ({_why(found['why'])})"
    if found := _ROW.match(line):
        return found["row"] + _ENGLISH[found["state"]]
    if found := _LABEL.match(line):
        return f"State: {_ENGLISH[found['state']]}"
    return "Id Name State" if _HEAD.match(line) else line


def in_english_bytes(line: bytes) -> bytes:
    """The same of a line as it was pasted: without its margin and without the blanks at its end."""
    if len(line) > _LONGEST or (line.isascii() and not line.rstrip().endswith(_ENDS)):
        return line
    text = line.decode("utf-8", "replace").rstrip()
    english = in_english(text)
    return line if english == text else english.encode()


def _why(words: str) -> str:
    return "I/O error" if _IO.search(words) else "user" if _USER.match(words) else "unknown"
