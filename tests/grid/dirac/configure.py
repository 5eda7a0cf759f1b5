"""Configuration of a DIRAC of two sites on this machine; runs under DIRAC's Python.

usage: configure.py FOLDER. Real: every service, executor and agent named here. What is absent is
said in README.md.
"""

import glob
import os
import sys

import DIRAC
from diraccfg import CFG

FOLDER = sys.argv[1]
CODE = os.path.dirname(DIRAC.__file__)
DATABASE = {"User": "Dirac", "Password": "Dirac", "Host": "127.0.0.1", "Port": "13306"}
SYSTEMS = (
    *("WorkloadManagement", "Framework", "DataManagement", "Configuration", "Accounting"),
    *("ResourceStatus", "RequestManagement", "Monitoring"),
)
# Port of the storage service of each site.
SITES = {"One": 9148, "Two": 9149}


def put(cfg, path, **options):
    """Set options of a section, made where it is missing."""
    for part in path.strip("/").split("/"):
        if part not in cfg.listSections():
            cfg.createNewSection(part)
        cfg = cfg[part]
    for name, value in options.items():
        cfg.setOption(name, str(value))


def central():
    """Central configuration."""
    cfg = CFG()
    put(
        cfg,
        "DIRAC/Configuration",
        Name="Test",
        Version="2026-01-01 00:00:00.000000",
        Servers="dips://localhost:9135/Configuration/Server",
        AutoPublish="no",
    )
    systems(cfg)
    registry(cfg)
    resources(cfg)
    put(cfg, "DiracX", DisabledVOs="hess")
    put(cfg, "Operations/Defaults/ResourceStatus/Config", State="InActive")
    put(cfg, "Operations/Defaults/JobDescription", AllowedJobTypes="User, Test")
    put(cfg, "Operations/Defaults/Pilot", Version=DIRAC.version)
    download = "DIRAC.WorkloadManagementSystem.Client.DownloadInputData"
    put(
        cfg,
        "Operations/Defaults/InputDataPolicy",
        Default=download,
        Download=download,
        InputDataModule="DIRAC.WorkloadManagementSystem.Client.InputDataResolution",
    )
    cfg.writeToFile(f"{FOLDER}/etc/Test.cfg")


def systems(cfg):
    """Every system as its template has it, on one host and one database server."""
    for system in SYSTEMS:
        template = CFG()
        template.loadFromFile(f"{CODE}/{system}System/ConfigTemplate.cfg")
        put(cfg, f"Systems/{system}")
        for section in template.listSections():
            cfg["Systems"][system].createNewSection(section, contents=template[section])
        services = template["Services"] if "Services" in template.listSections() else CFG()
        for service in services.listSections():
            port = services[service].getOption("Port", "")
            if port and not service.startswith("Tornado"):
                url = f"dips://localhost:{port}/{system}/{service}"
                put(cfg, f"Systems/{system}/URLs", **{service: url})
        for file in glob.glob(f"{CODE}/{system}System/DB/*.sql"):
            name = os.path.basename(file)[:-4]
            put(cfg, f"Systems/{system}/Databases/{name}", DBName=name)
    put(cfg, "Systems/Databases", **DATABASE)
    # Without these two options no service starts, although nothing listens there.
    put(
        cfg,
        "Systems/NoSQLDatabases",
        User="x",
        Password="x",
        Host="127.0.0.1",
        Port="19200",
        SSL="No",
    )
    work = "Systems/WorkloadManagement"
    put(cfg, f"{work}/Services/SandboxStore", BasePath=f"{FOLDER}/sandboxes", MaxSandboxSizeMiB=100)
    put(cfg, f"{work}/Services/JobManager", MaxParametricJobs=1000)
    put(cfg, f"{work}/Executors/Optimizers", Load="JobPath, JobSanity, InputData, JobScheduling")
    put(cfg, f"{work}/Databases/JobParametersDB", index_name="job_parameters")
    # Of a job: a look each second, a heartbeat each five. Else ten, and twenty minutes at least.
    put(cfg, f"{work}/JobWrapper", PollingTime=1, CheckingTime=5, MinCheckingTime=5)
    data = "Systems/DataManagement"
    put(cfg, f"{data}/Databases/FileCatalogDB", DBName="FileCatalogDB")
    put(
        cfg,
        f"{data}/Services/FileCatalog",
        SecurityManager="NoSecurityManager",
        Database="DataManagement/FileCatalogDB",
        DirectoryManager="DirectoryClosure",
        FileManager="FileManagerPs",
        UniqueGUID="False",
        GlobalReadAccess="True",
    )
    for site, port in SITES.items():
        service = f"{data}/Services/StorageElement{site}"
        put(cfg, service, BasePath=f"{FOLDER}/storage/{site}", Port=port)
        handler = "DIRAC/DataManagementSystem/Service/StorageElementHandler.py"
        put(cfg, service, HandlerPath=handler)
        put(cfg, f"{service}/Authorization", Default="authenticated")
        url = f"dips://localhost:{port}/DataManagement/StorageElement{site}"
        put(cfg, f"{data}/URLs", **{f"StorageElement{site}": url})


def registry(cfg):
    """One user, one host, four groups of the virtual organisation, and one group of none."""
    user = "/C=FR/O=IACT/CN=ciuser"
    put(cfg, "Registry", DefaultGroup="hess_user", DefaultProxyTime=86400)
    put(cfg, "Registry/VO/hess", VOAdmin="ciuser", VOMSName="hess")
    put(cfg, "Registry/Users/ciuser", DN=user, Email="ciuser@example.org")
    put(
        cfg,
        "Registry/Hosts/localhost",
        DN="/C=FR/O=IACT/CN=localhost",
        Properties="TrustedHost, CSAdministrator, JobAdministrator, FullDelegation, "
        "ProxyManagement, Operator",
    )
    groups = {
        "hess_user": "NormalUser, FileCatalogManagement",
        "hess_pilot": "GenericPilot, LimitedDelegation, Pilot",
        "dirac_admin": "AlarmsManagement, ServiceAdministrator, JobAdministrator, Operator",
    }
    for group, properties in groups.items():
        put(cfg, f"Registry/Groups/{group}", Users="ciuser", Properties=properties, VO="hess")
    put(cfg, "Registry/Groups/hess_user", AutoUploadProxy="True")
    put(cfg, "Registry/Groups/no_vo", Users="ciuser", Properties="NormalUser")


def resources(cfg):
    """Two sites, each with a storage element of its own, and one file catalogue."""
    for site, port in SITES.items():
        place = f"Resources/Sites/LCG/LCG.{site}.fr"
        put(cfg, place, CE=f"ce.{site.lower()}", SE=f"SE-{site}")
        put(cfg, f"{place}/CEs/ce.{site.lower()}", CEType="InProcess", Architecture="x86_64")
        queue = f"{place}/CEs/ce.{site.lower()}/Queues/q"
        put(cfg, queue, maxCPUTime=10000, VO="hess", NumberOfProcessors=2)
        element = f"Resources/StorageElements/SE-{site}"
        put(cfg, element, BackendType="DISET", ReadAccess="Active", WriteAccess="Active")
        put(cfg, element, CheckAccess="Active", RemoveAccess="Active")
        put(
            cfg,
            f"{element}/DIP",
            Host="localhost",
            Port=port,
            Protocol="dips",
            Path=f"/DataManagement/StorageElement{site}",
            Access="remote",
        )
    sandbox = "Resources/StorageElements/ProductionSandboxSE"
    put(cfg, sandbox, BackendType="DISET")
    put(
        cfg,
        f"{sandbox}/AccessProtocol.1",
        Host="localhost",
        Port=9196,
        PluginName="DIP",
        Protocol="dips",
        Path="/WorkloadManagement/SandboxStore",
        Access="remote",
    )
    put(cfg, "Resources/StorageElementGroups", **{"Tier1-Failover": "SE-One"})
    put(
        cfg,
        "Resources/FileCatalogs/FileCatalog",
        AccessType="Read-Write",
        Status="Active",
        CatalogURL="DataManagement/FileCatalog",
    )


def local():
    """Local configuration of server and clients, and that of the configuration server."""
    servers = "dips://localhost:9135/Configuration/Server"
    server, client, master = CFG(), CFG(), CFG()
    for cfg in (server, client):
        put(cfg, "DIRAC", VirtualOrganization="hess")
        put(cfg, "DIRAC/Configuration", Servers=servers)
    certificates = f"{FOLDER}/etc/grid-security"
    put(
        server,
        "DIRAC/Security",
        UseServerCertificate="yes",
        CertFile=f"{certificates}/hostcert.pem",
        KeyFile=f"{certificates}/hostkey.pem",
    )
    put(client, "DIRAC/Security", UseServerCertificate="no")
    put(master, "DIRAC/Configuration", Master="yes", Name="Test")
    service = "Systems/Configuration/Services/Server"
    handler = "DIRAC/ConfigurationSystem/Service/ConfigurationHandler.py"
    put(master, service, Port=9135, HandlerPath=handler)
    put(master, f"{service}/Authorization", Default="authenticated")
    put(master, "Systems/Databases", **DATABASE)
    server.writeToFile(f"{FOLDER}/etc/dirac.cfg")
    client.writeToFile(f"{FOLDER}/client/etc/dirac.cfg")
    master.writeToFile(f"{FOLDER}/etc/Configuration_Server.cfg")


if __name__ == "__main__":
    os.makedirs(f"{FOLDER}/client/etc", exist_ok=True)
    central()
    local()
