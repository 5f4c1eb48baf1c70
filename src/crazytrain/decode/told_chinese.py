"""Chinese and Japanese prose in the field's English words, as far as a list of its terms goes; what is no term of the field is left out.

    虚拟机卡死, 宿主机上 qemu-kvm 进程 CPU 占用 400%.
    the guest hangs, the host qemu-kvm process CPU usage 400%.

It is no translation: the words stand in the order of the other language, and only single observations are read out of them. Lines
keep their numbers.
"""

import re

# The longer of two that begin alike is tried first.
_TERMS = {
    # machines
    "the guest": "虚拟机 虛擬機 虚机 云主机 客户机 客户操作系统 仮想マシン 仮想機械 ゲスト",
    "the host": "宿主机 宿主機 物理机 物理機 母机 计算节点 ホスト",
    "process": "进程 進程 プロセス",
    "thread": "线程 執行緒 スレッド",
    "main thread": "主线程 メインスレッド",
    "kernel": "内核 核心 カーネル",
    "disk": "磁盘 硬盘 磁碟 ディスク",
    "storage": "存储 儲存 ストレージ",
    "network": "网络 網路 ネットワーク",
    "memory": "内存 記憶體 メモリ メモリー",
    "swap": "交换分区 スワップ",
    "snapshot": "快照 スナップショット",
    "live migration": "热迁移 在线迁移 ライブマイグレーション",
    "migration": "迁移 マイグレーション",
    "nested virtualization": "嵌套虚拟化 ネストした仮想化",
    "passthrough": "直通 透传 パススルー",
    "interrupt": "中断 割り込み",
    "clocksource": "时钟源 クロックソース",
    "clock": "时钟 時計 時刻",
    # what is seen
    "hangs": "卡死 死机 當機 挂死 僵死 假死 夯住 卡住 hang住 hang死 固まる 固まり 固まっ フリーズ ハングアップ ハング",
    "does not respond": "无响应 没有响应 没有反应 不响应 没响应 無回應 応答しない 応答なし 応答がない 応答しなく 反応しない 反応がない",
    "cannot be reached": "无法登录 无法连接 ping不通 ssh不通 无法访问 接続できない つながらない",
    "boots": "启动 開機 起動",
    "reboots": "重启 重新启动 再起動",
    "paused": "暂停 暫停 一時停止",
    "crashes": "崩溃 クラッシュ",
    "usage": "占用率 使用率 利用率 占用",
    "is full": "打满 跑满 飙升 居高不下",
    "slow": "很慢 变慢 缓慢 卡顿 遅い 遅く",
    "no space left": "空间不足 磁盘满 写满 空间满 空き容量がない",
    "in D state": "D状态 D 状态 D状態 D 状態",
    "soft lockup": "软锁死 软死锁 软锁 ソフトロックアップ",
    "deadlock": "死锁 デッドロック",
    "spinlock": "自旋锁 スピンロック",
    "idle": "空闲 アイドル",
    "overcommitted CPUs": "超分 超卖 オーバーコミット",
    "disconnected": "断开 断连 断线",
    # how
    "no": "没有 沒有 无 なし",
    "does not": "不会 不能 しない",
    "no longer": "不再",
    "all": "所有 全部 すべて 全て",
    "after": "之后 以后 後に",
    "without": "去掉 关闭 禁用 なしで",
    "with": "开启 打开 启用",
    "fine": "正常",
    "solved": "解决 解決",
    "error": "报错 错误 エラー",
    "log": "日志 ログ",
    "found": "发现",
    "reason": "原因",
}  # fmt: skip
_ENGLISH = {term: english for english, terms in _TERMS.items() for term in terms.split(" ") if len(term) > 1}
_ENGLISH |= {"D 状态": "in D state", "D 状態": "in D state", "无": "no"}
_FOREIGN = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TERM = re.compile("|".join(map(re.escape, sorted(_ENGLISH, key=len, reverse=True))))
_MARKS = str.maketrans(
    {
        "\uff0c": ", ",
        "\u3001": ", ",
        "\u3002": ". ",
        "\uff1b": "; ",
        "\uff1a": ": ",
        "\uff08": " (",
        "\uff09": ") ",
        "\uff05": "%",
    }
)
_REST = re.compile(rf"[{_FOREIGN}]+")
_ANY = re.compile(rf"[{_FOREIGN}]")
_BLANKS = re.compile(r" {2,}")
_BEFORE_MARK = re.compile(r" +(?=[,.;:)])")


def in_field_words(text: str) -> str:
    r"""The text with its lines of Chinese or Japanese in the field's words; other lines as they are.

    >>> in_field_words("one line\n虚拟机卡死, CPU 占用 100%.")
    'one line\nthe guest hangs, CPU usage 100%.'
    """
    return "\n".join(map(_line, text.split("\n"))) if _ANY.search(text) else text


def _line(line: str) -> str:
    if not _ANY.search(line):
        return line
    found = _TERM.sub(_word, line.translate(_MARKS))
    return _BEFORE_MARK.sub("", _BLANKS.sub(" ", _REST.sub(" ", found))).strip()


def _word(found: re.Match[str]) -> str:
    return f" {_ENGLISH[found[0]]} "
