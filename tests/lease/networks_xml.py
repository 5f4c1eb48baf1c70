"""The networks that tests of leases run."""

HOSTS = """<host mac='52:54:00:77:00:02' name='h-inf' ip='10.77.0.5'><lease expiry='0'/></host>
<host mac='52:54:00:77:00:04' name='h-def' ip='10.77.0.7'/>"""
BUSY = f"""<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'><name>busy</name><forward mode='open'/>
<bridge name='vbr-busy' stp='off' delay='0'/>
<ip address='10.77.0.1' netmask='255.255.255.0'><tftp root='/srv'/><dhcp>
<range start='10.77.0.10' end='10.77.0.99'><lease expiry='2' unit='minutes'/></range>{HOSTS}<bootp file='pxe' server='10.77.0.1'/></dhcp></ip>
<ip family='ipv6' address='fd00:91::1' prefix='64'><dhcp><range start='fd00:91::10' end='fd00:91::ff'/>
<host id='0:3:0:1:0:16:3e:11:22:33' name='six' ip='fd00:91::6'/></dhcp></ip>
<dnsmasq:options><dnsmasq:option value='log-dhcp'/><dnsmasq:option value='no-ping'/></dnsmasq:options></network>"""
PLAIN = """<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'><name>{name}</name><forward mode='nat'/><bridge name='{bridge}' stp='off' delay='0'/>
<ip address='10.78.{third}.1' netmask='255.255.255.0'>{dhcp}</ip>
<dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options></network>"""
HOME = """<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'><name>home</name><forward mode='nat'/>
<bridge name='vbr-home' stp='off' delay='0'/><ip address='10.79.0.1' netmask='255.255.255.0'><dhcp>
<range start='10.79.0.10' end='10.79.0.99'><lease expiry='2' unit='minutes'/></range></dhcp></ip>
<dnsmasq:options><dnsmasq:option value='log-facility={log}'/><dnsmasq:option value='no-ping'/></dnsmasq:options></network>"""
