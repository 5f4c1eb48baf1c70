"""A GRUB as Debian sets it up, as far as its scripts matter."""

# What Debian's grub-mkconfig does with its settings, as far as it matters: it reads the drop-ins behind the file itself.
MKCONFIG = """#!/bin/sh
. /etc/default/grub
for x in /etc/default/grub.d/*.cfg; do if [ -e "$x" ]; then . "$x"; fi; done
cat <<CFG
menuentry 'Debian' {
	linux	/boot/vmlinuz-6.1.0 root=UUID=a ro ${GRUB_CMDLINE_LINUX} ${GRUB_CMDLINE_LINUX_DEFAULT}
	initrd	/boot/initrd.img
}
menuentry 'Debian (recovery mode)' {
	linux	/boot/vmlinuz-6.1.0 root=UUID=a ro single ${GRUB_CMDLINE_LINUX}
}
menuentry 'Memory test' {
	linux	/boot/memtest86+x64.bin
}
menuentry 'Another one on the disk' {
	linux	/boot/vmlinuz-6.1.0 root=UUID=b ro quiet
}
CFG
"""
UPDATE = "#!/bin/sh\nset -e\nexec /usr/sbin/grub-mkconfig >/boot/grub/grub.cfg\n"
SETTINGS = 'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="quiet clocksource=hpet"\n'
BOOTED = "BOOT_IMAGE=/boot/vmlinuz-6.1.0 root=UUID=a ro quiet\n"
